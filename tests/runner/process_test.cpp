#include "runner/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "runner/spawn.h"

namespace domed {
namespace {

TEST(ProcessStat, SurvivesHostileNames) {
  ProcessStat stat;
  EXPECT_TRUE(
      parse_stat("12 (a) S 1 (x) R 34 56 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 777 1 2", stat));
  EXPECT_EQ('R', stat.state);
  EXPECT_EQ(34, stat.ppid);
  EXPECT_EQ(56, stat.group);
  EXPECT_EQ(1, stat.session);
  EXPECT_EQ(777u, stat.start_time);
  EXPECT_FALSE(parse_stat("", stat));
  EXPECT_FALSE(parse_stat("12 (a) R 34", stat));
}

TEST(Process, IsKnownByItsStartTime) {
  const Process self = identify(getpid());
  EXPECT_GT(self.start_time, 0u);
  EXPECT_EQ(0u, identify(0x7ffffff).start_time);
  const Json json = identity_json(self);
  EXPECT_EQ(getpid(), json["pid"]);
  EXPECT_EQ(self.start_time, json["start_time"]);
  EXPECT_EQ(36u, json["boot_id"].get<std::string>().size());
}

// A shell below this process, until the test ends.
class TreeTest : public testing::Test {
 protected:
  void start(const std::string& script) {
    ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
    child_ = spawn({"sh", "-c", script}, {}, "/");
  }
  void wait_for_members(std::size_t count) {
    while (tree_members().size() != count) usleep(2000);
  }
  void TearDown() override {
    while (signal_tree(SIGKILL) > 0) usleep(2000);
    EXPECT_EQ(child_.pid, waitpid(child_.pid, nullptr, 0));
  }

  Child child_;
};

TEST_F(TreeTest, FindsGrandchildrenInOtherSessions) {
  start("setsid sh -c 'sleep 1000 & sleep 1000' & sleep 1000");
  wait_for_members(5);
}

TEST_F(TreeTest, FindsOrphans) {
  start("(setsid sleep 1000 &) ; sleep 1000");
  wait_for_members(3);
}

TEST_F(TreeTest, LeavesTheNamedGroupAlone) {
  start("setsid sleep 1000 & exec sleep 1000");
  while (signal_tree(0, child_.pid) != 1) usleep(2000);  // until it has left the group
  EXPECT_EQ(1u, signal_tree(SIGTERM, child_.pid));
  wait_for_members(1);
  EXPECT_EQ(child_.pid, tree_members()[0].pid);
}

TEST_F(TreeTest, KillsWhatIgnoresTerm) {
  start(
      "trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 1000; done' & "
      "while :; do sleep 1000; done");
  wait_for_members(4);
  while (signal_tree(SIGKILL) > 0) usleep(2000);
  EXPECT_TRUE(tree_members().empty());
}

// A walk up from each member took minutes, for every look at the tree.
TEST(Descendants, OfALongChainAreFoundAtOnce) {
  constexpr pid_t kLength = 30'000;
  Snapshot all;
  for (pid_t pid = 2; pid <= kLength; ++pid) all[pid].ppid = pid - 1;
  EXPECT_EQ(static_cast<std::size_t>(kLength - 1), descendants(all, {1}).size());
  EXPECT_EQ((std::set<pid_t>{kLength}), descendants(all, {kLength - 1}));
}

TEST(Descendants, OfARingEnd) {
  Snapshot all;
  all[2].ppid = 3;
  all[3].ppid = 2;
  EXPECT_EQ((std::set<pid_t>{2, 3}), descendants(all, {3}));
}

}  // namespace
}  // namespace domed
