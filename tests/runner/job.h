#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "domed/support/hash.h"
#include "fake_daemon.h"
#include "runner/files.h"
#include "runner/spec.h"
#include "scratch.h"

namespace domed {

// A runner's directory, its runner and the daemon that it talks to.
class JobTest : public testing::Test {
 protected:
  JobTest() {
    mkdir(dir_.c_str(), 0700);
    mkfifo(path("fifo").c_str(), 0600);
    spec_ = {
        {"job_id", "j"},           {"run_id", random_hex(8)}, {"log_id", "l"},
        {"producer_id", "runner"}, {"producer_token", "t"},   {"job_token", "jt"},
        {"control", {url_}},       {"cwd", scratch_.path()},  {"env", {{"PATH", "/usr/bin:/bin"}}},
        {"cancel_grace_ms", 300},  {"drain_ms", 300}};
  }
  ~JobTest() override {
    if (runner_ > 0) kill(runner_, SIGKILL);
    if (runner_ > 0) wait_for_exit();
  }

  // Starts a runner for "sh -c SCRIPT".
  void run(const std::string& script) {
    spec_["command"] = {"sh", "-c", script};
    start();
  }
  void start() {
    const Fd source(memfd_create("spec", MFD_CLOEXEC));
    ASSERT_TRUE(write_fully(source.get(), spec_.dump(), 0));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, source.get(), kSpecDescriptor);
    std::string program = DOMED_RUNNER;
    char* arguments[] = {program.data(), dir_.data(), nullptr};
    ASSERT_EQ(0, posix_spawn(&runner_, program.c_str(), &actions, nullptr, arguments, environ));
    posix_spawn_file_actions_destroy(&actions);
  }
  int wait_for_exit() {
    int status = 0;
    waitpid(runner_, &status, 0);
    runner_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // The exit is expected to be 0.
  void finish() {
    daemon_.wait_for_terminal();
    EXPECT_EQ(0, wait_for_exit());
  }
  // To a job that reads "fifo" in its working directory.
  void tell_job(std::string_view line) {
    const Fd fifo(open(path("fifo").c_str(), O_WRONLY | O_CLOEXEC));
    EXPECT_EQ(static_cast<ssize_t>(line.size()), write(fifo.get(), line.data(), line.size()));
  }
  Json last() const { return daemon_.events().back()["payload"]; }
  std::string path(const std::string& name) const { return scratch_ / name; }
  bool ran(const std::string& name) const { return exists(path(name)); }

  Scratch scratch_;
  std::string dir_ = scratch_ / "job";
  const std::string url_ = "ipc://" + (scratch_ / "control.ipc");
  Json spec_;
  FakeDaemon daemon_{url_};
  pid_t runner_ = 0;
};

}  // namespace domed
