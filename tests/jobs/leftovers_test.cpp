#include "jobs/leftovers.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "base/note.h"
#include "domed/support/hash.h"
#include "support/harness.h"

namespace domed::test {
namespace {

using namespace std::chrono_literals;

class LeftoversTest : public ::testing::Test {
 protected:
  ~LeftoversTest() override {
    for (const pid_t pid : started_) kill(pid, SIGKILL), waitpid(pid, nullptr, 0);
  }

  // A shell in a session of its own, without our environment.
  pid_t start(const std::string& script, std::string variable = "A=b", int out = 1) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    std::string text = script;
    char* env[] = {variable.data(), nullptr};
    char* argv[] = {const_cast<char*>("sh"), const_cast<char*>("-c"), text.data(), nullptr};
    pid_t pid = -1;
    EXPECT_EQ(0, posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv, env));
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    // In the midst of an exec a process shows no environment.
    while (script.starts_with("exec ") && !sleeps(pid)) std::this_thread::yield();
    return pid;
  }
  static bool sleeps(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string number, name, state;
    stat >> number >> name >> state;
    return state == "Z" || (state == "S" && name == "(sleep)");  // or was killed
  }
  pid_t kept(pid_t pid) { return started_.emplace_back(pid); }

  // What the runner would have noted of the command "pid".
  void note(pid_t pid, std::uint64_t start_time, const std::string& boot,
            std::vector<ino_t> pipes = {}) {
    const Json note{{"pid", pid},
                    {"start_time", start_time},
                    {"boot_id", boot},
                    {"pgid", pid},
                    {"pipes", pipes}};
    std::ofstream(dir_.path() / "child.json") << signed_note(note, token_);
  }
  std::size_t killed() { return kill_leftovers(dir_, run_id_, sha256("token")).killed.size(); }
  bool was_killed(pid_t pid) {
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }
  bool alive(pid_t pid) { return waitpid(pid, nullptr, WNOHANG) == 0; }

  Scratch scratch_;
  RunDir dir_{scratch_.path()};
  const std::string run_id_ = random_hex(16);
  std::string token_ = "token";  // of who notes
  std::vector<pid_t> started_;
};

TEST_F(LeftoversTest, AreKnownByTheirRunId) {
  const pid_t ours = start("exec sleep 1000", "DOMED_RUN_ID=" + run_id_);
  const pid_t theirs = kept(start("exec sleep 1000", "DOMED_RUN_ID=" + random_hex(16)));
  EXPECT_EQ(1u, killed());
  EXPECT_TRUE(was_killed(ours));
  EXPECT_TRUE(alive(theirs));
}

TEST_F(LeftoversTest, AreKnownByTheirSessionWhenTheyClearedTheirEnvironment) {
  const pid_t command = start("exec env -i sleep 1000");
  note(command, identify(command).start_time, boot_id());
  EXPECT_EQ(1u, killed());
  EXPECT_TRUE(was_killed(command));
}

TEST_F(LeftoversTest, AreKnownByThePipesWhenTheyLeftTheSessionToo) {
  int ends[2];
  ASSERT_EQ(0, pipe(ends));
  struct stat info;
  ASSERT_EQ(0, fstat(ends[1], &info));
  const pid_t command = start("exit 0");
  note(command, identify(command).start_time, boot_id(), {info.st_ino});
  const pid_t daemonic = start("exec sleep 1000", "A=b", ends[1]);
  close(ends[0]), close(ends[1]);
  EXPECT_EQ(1u, killed());
  EXPECT_TRUE(was_killed(daemonic));
  waitpid(command, nullptr, 0);
}

TEST_F(LeftoversTest, ARecycledPidIsNeverSignalled) {
  const pid_t stranger = kept(start("exec sleep 1000"));
  note(stranger, identify(stranger).start_time - 1, boot_id());
  EXPECT_EQ(0u, killed()) << "another start time";
  note(stranger, identify(stranger).start_time, "another");
  EXPECT_EQ(0u, killed()) << "another life of the machine";
  EXPECT_TRUE(alive(stranger));
}

// A job can write what it likes into the file.
TEST_F(LeftoversTest, WhomAForgedNoteNamesIsNeverSignalled) {
  int ends[2];
  ASSERT_EQ(0, pipe(ends));
  struct stat info;
  ASSERT_EQ(0, fstat(ends[1], &info));
  const pid_t victim = kept(start("exec sleep 1000", "A=b", ends[1]));
  close(ends[0]), close(ends[1]);
  token_ = "a guess";
  note(victim, identify(victim).start_time, boot_id(), {info.st_ino});
  EXPECT_EQ(0u, killed());
  EXPECT_TRUE(alive(victim));
}

// It carries the mark, or a pipe, and is another's child all the same.
TEST_F(LeftoversTest, WhatSomebodyElseStartedIsNoneWhateverItCarries) {
  const auto out = scratch_.path() / "pid";
  const pid_t shell =
      kept(start("DOMED_RUN_ID=" + run_id_ + " sleep 1000 & echo $! > " + out.string() + "; wait"));
  pid_t marked = 0;
  while (!(std::ifstream(out) >> marked) || !sleeps(marked)) std::this_thread::yield();
  EXPECT_EQ(0u, killed());
  EXPECT_TRUE(alive(shell));
  EXPECT_EQ(0, kill(marked, SIGKILL)) << "it was hit";
}

// Two at least are alive at any moment, as if they could not be killed.
TEST_F(LeftoversTest, WhatDoesNotEndIsReportedInTime) {
  pid_t pids[3];
  for (pid_t& pid : pids) pid = start("exec sleep 1000", "DOMED_RUN_ID=" + run_id_);
  std::jthread spawner([&](const std::stop_token& stop) {
    for (std::size_t i = 0; !stop.stop_requested(); i = (i + 1) % 3) {
      if (pids[i] == 0) pids[i] = start("exec sleep 1000", "DOMED_RUN_ID=" + run_id_);
      if (waitpid(pids[i], nullptr, WNOHANG) == pids[i]) pids[i] = 0;
    }
    for (const pid_t pid : pids)
      if (pid > 0) kill(pid, SIGKILL), waitpid(pid, nullptr, 0);
  });
  EXPECT_GT(kill_leftovers(dir_, run_id_, sha256("token"), 300ms).killed.size(), 0u);
}

}  // namespace
}  // namespace domed::test
