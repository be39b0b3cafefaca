#include "domed/support/program.h"

#include <fcntl.h>

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "support/scratch.h"

namespace domed::program {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Process : public ::testing::Test {
 protected:
  const testing::Scratch scratch_;
  const std::string root = std::filesystem::canonical(scratch_.path()).string();

  Command shell(const std::string& text) const {
    return {.program = "/bin/sh",
            .arguments = {"-c", text},
            .directory = root,
            .environment = {"PATH=/usr/bin:/bin", "ONE=1"},
            .deadline = Clock::now() + std::chrono::seconds(60)};
  }
};

TEST_F(Process, GivesOutputErrorAndStatus) {
  const Outcome outcome = run(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
  EXPECT_EQ(outcome.exit_status, 3);
  EXPECT_FALSE(outcome.ok());
}

TEST_F(Process, RunsInTheDirectoryWithOnlyTheGivenEnvironment) {
  ::setenv("DOMED_TEST_LEAK", "1", 1);
  const Outcome outcome = run(shell("pwd; env"));
  EXPECT_TRUE(outcome.out.starts_with(root + "\n")) << outcome.out;
  EXPECT_NE(outcome.out.find("ONE=1"), std::string::npos);
  EXPECT_EQ(outcome.out.find("DOMED_TEST_LEAK"), std::string::npos);
}

TEST_F(Process, NamesAProgramThatCannotBeRun) {
  Command command = shell("");
  command.program = root + "/nothing";
  const Outcome outcome = run(command);
  EXPECT_NE(std::string::npos, outcome.error.find(root + "/nothing")) << outcome.error;
  EXPECT_FALSE(outcome.ok());
}

TEST_F(Process, TellsTheSignalThatEndedIt) {
  const Outcome outcome = run(shell("kill -TERM $$"));
  EXPECT_EQ(outcome.signal, SIGTERM);
  EXPECT_EQ(outcome.exit_status, -1);
}

TEST_F(Process, IsKilledAtTheDeadline) {
  Command command = shell("trap '' TERM; while :; do sleep 100; done");
  command.deadline = Clock::now() + std::chrono::milliseconds(100);
  const Outcome outcome = run(command);
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_EQ(outcome.signal, SIGKILL);
  EXPECT_LT(Clock::now() - command.deadline, std::chrono::seconds(30));
}

TEST_F(Process, CannotOutrunTheDeadlineByTalking) {
  Command command = shell("while :; do echo x; done");
  command.max_out = std::size_t{1} << 40;
  command.sink = [](std::string_view) {};
  command.deadline = Clock::now() + std::chrono::milliseconds(100);
  EXPECT_TRUE(run(command).timed_out);
}

TEST_F(Process, IsEndedAtTheOutputLimit) {
  Command command = shell("while :; do echo 0123456789; done");
  command.max_out = 1000;
  const Outcome outcome = run(command);
  EXPECT_TRUE(outcome.truncated);
  EXPECT_EQ(outcome.out.size(), 1000u);
}

TEST_F(Process, MayFillTheOutputLimitExactly) {
  Command command = shell("printf 12345");
  command.max_out = 5;
  EXPECT_TRUE(run(command).ok());
}

TEST_F(Process, DropsErrorOutputBeyondItsLimit) {
  Command command = shell("i=0; while [ $i -lt 20000 ]; do echo 0123456789 >&2; i=$((i+1)); done");
  command.max_err = 100;
  const Outcome outcome = run(command);
  EXPECT_TRUE(outcome.ok()) << outcome.error;
  EXPECT_EQ(outcome.err.size(), 100u);
}

TEST_F(Process, DoesNotWaitForAGrandchildThatHoldsThePipe) {
  const Outcome outcome = run(shell("sleep 1000 & echo $!"));
  EXPECT_TRUE(outcome.ok());
  const pid_t grandchild = std::stoi(outcome.out);
  // Killed with the group; some init reaps it a moment later.
  for (int i = 0; i < 1000 && ::kill(grandchild, 0) == 0; ++i) {
    const std::string stat =
        text_of("/proc/" + outcome.out.substr(0, outcome.out.size() - 1) + "/stat");
    if (stat.find(") Z ") != std::string::npos) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_NE(::kill(grandchild, 0), 0);
}

TEST_F(Process, InheritsNoDescriptors) {
  const int leak = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  const Outcome outcome = run(shell("ls /proc/self/fd | tr '\\n' ' '"));
  ::close(leak);
  EXPECT_EQ(outcome.out, "0 1 2 3 ");  // 3: the listing itself
}

TEST_F(Process, StartsWithDefaultSignals) {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked, before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const Outcome outcome = run(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status"));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  EXPECT_TRUE(outcome.out.starts_with("SigBlk:\t0000000000000000\nSigIgn:\t")) << outcome.out;
  // Of the ignored ones those up to 31: the C library keeps two more for itself.
  const auto ignored = std::stoull(outcome.out.substr(outcome.out.rfind('\t') + 1), nullptr, 16);
  EXPECT_EQ(ignored & 0x7fffffff, 0u);
}

TEST_F(Process, LeavesNoDescriptorsBehind) {
  const auto open_now = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  run(shell("true"));
  const auto before = open_now();
  for (int i = 0; i < 20; ++i) run(shell("echo x"));
  EXPECT_EQ(open_now(), before);
}

}  // namespace
}  // namespace domed::program
