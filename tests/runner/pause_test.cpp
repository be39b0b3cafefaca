// Jobs that are told to stand still.
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "job.h"

#include "runner/standstill.h"
#include "system/process.h"

namespace domed {
namespace {

char state_of(pid_t pid) {
  ProcessStat stat;
  return parse_stat(read_if_there("/proc/" + std::to_string(pid) + "/stat"), stat) ? stat.state : 0;
}

// Stopped, or waiting in the kernel, in the midst of a vfork, for a child that is.
bool stands_still(pid_t pid) {
  if (state_of(pid) != 'D') return state_of(pid) == 'T';
  for (const auto& [child, stat] : process_snapshot())
    if (stat.ppid == pid && stat.state == 'T') return true;
  return false;
}

class PauseTest : public JobTest {
 protected:
  // The pids that the command printed, once there are so many.
  std::vector<pid_t> pids(std::size_t count) {
    std::vector<pid_t> out;
    while (out.size() < count) {
      out.clear();
      const std::string text = daemon_.output("stdout");
      for (std::size_t at = 0, lf; (lf = text.find('\n', at)) != std::string::npos; at = lf + 1)
        out.push_back(std::stoi(text.substr(at, lf - at)));
      usleep(2000);
    }
    return out;
  }
  static void wait_until(bool stopped, pid_t pid) {
    while (stands_still(pid) != stopped) usleep(2000);
  }
};

// A process that is met as it starts a program, as shells do: it waits in the kernel until that has
// begun, which it does not, because it stands still.
TEST(Standstill, IsCompleteWhereAParentWaitsForAChildThatIsStopped) {
  char directory[] = "/tmp/domed-pause-XXXXXX";
  ASSERT_TRUE(mkdtemp(directory));
  const std::string fifo = std::string(directory) + "/fifo";
  ASSERT_EQ(0, mkfifo(fifo.c_str(), 0600));
  const pid_t parent = fork();
  if (parent == 0) {
    // The child waits here, between its beginning and its program's.
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, fifo.c_str(), O_RDONLY, 0);
    char name[] = "true";
    char* const words[] = {name, nullptr};
    pid_t child = 0;
    _exit(posix_spawnp(&child, name, &actions, nullptr, words, environ));
  }
  while (state_of(parent) != 'D') usleep(2000);
  const Cgroup none;
  Standstill standstill(none);
  int looks = 0;
  do standstill.hold();
  while (standstill.next() != Standstill::Clock::time_point::max() && ++looks < 20);
  EXPECT_LT(looks, 20);
  standstill.release();
  const Fd writer(open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
  int status = 0;
  ASSERT_EQ(parent, waitpid(parent, &status, 0));
  EXPECT_EQ(0, status) << "it went on";
  std::filesystem::remove_all(directory);
}

TEST_F(PauseTest, AllOfItStandsStillAndGoesOn) {
  run("setsid sh -c 'echo $$; while :; do sleep 0.01; done' & echo $$; read x < fifo; kill $!");
  const auto all = pids(2);
  daemon_.pause(true);
  for (const pid_t pid : all) wait_until(true, pid);
  daemon_.pause(false);
  for (const pid_t pid : all) wait_until(false, pid);
  tell_job("go\n");
  finish();
  EXPECT_EQ("succeeded", last()["to"]);
}

TEST_F(PauseTest, ACancelEndsWhatStandsStill) {
  run("trap 'echo bye; exit 5' TERM; echo $$; while :; do sleep 0.01; done");
  const pid_t pid = pids(1)[0];
  daemon_.pause(true);
  wait_until(true, pid);
  daemon_.cancel();
  finish();
  EXPECT_EQ("canceled", last()["to"]);
  EXPECT_TRUE(daemon_.output("stdout").ends_with("bye\n")) << "it was asked first";
}

// The daemon says that it stands still in the answer to `running`, so that it does from its first
// moment on.
TEST_F(PauseTest, ItsTimeoutStandsStillToo) {
  spec_["timeout_ms"] = 200;
  daemon_.pause(true);
  run("while :; do sleep 0.01; done");
  daemon_.wait_for("running");
  usleep(600'000);
  EXPECT_EQ("running", daemon_.events().back()["payload"]["to"]) << "three times its timeout";
  daemon_.pause(false);
  finish();
  EXPECT_EQ("timeout", last()["reason"]);
}

TEST_F(PauseTest, WhatTheCommandItselfHadStoppedStaysSo) {
  run("sleep 1000 & kill -STOP $!; echo $!; echo $$; read x < fifo; kill -KILL $!");
  const auto all = pids(2);
  wait_until(true, all[0]);
  daemon_.pause(true);
  wait_until(true, all[1]);
  daemon_.pause(false);
  wait_until(false, all[1]);
  EXPECT_EQ('T', state_of(all[0]));
  tell_job("go\n");
  finish();
}

// The daemon is away and comes back, and nobody has said anything new.
TEST_F(PauseTest, OutlivesTheDaemon) {
  run("echo $$; read x < fifo");
  const pid_t pid = pids(1)[0];
  daemon_.pause(true);
  wait_until(true, pid);
  daemon_.stop();
  daemon_.start();
  EXPECT_EQ('T', state_of(pid));
  daemon_.pause(false);
  wait_until(false, pid);
  tell_job("go\n");
  finish();
}

// The cgroup is a plain directory, which takes what is written.
TEST_F(PauseTest, ACgroupIsFrozen) {
  spec_["cgroup"] = path("cgroup");
  const auto frozen = [this] { return read_if_there(path("cgroup/cgroup.freeze")); };
  run("echo $$; read x < fifo");
  const pid_t pid = pids(1)[0];
  daemon_.pause(true);
  while (frozen() != "1") usleep(2000);
  EXPECT_NE('T', state_of(pid)) << "a signal as well would be seen by its parent";
  daemon_.pause(false);
  while (frozen() != "0") usleep(2000);
  tell_job("go\n");
  finish();
}

TEST_F(PauseTest, AFrozenCgroupIsLetGoBeforeItsCommandIsEnded) {
  spec_["cgroup"] = path("cgroup");
  const auto frozen = [this] { return read_if_there(path("cgroup/cgroup.freeze")); };
  run("echo $$; while :; do sleep 0.01; done");
  pids(1);
  daemon_.pause(true);
  while (frozen() != "1") usleep(2000);
  daemon_.cancel();
  finish();
  EXPECT_EQ("0", frozen());
}

}  // namespace
}  // namespace domed
