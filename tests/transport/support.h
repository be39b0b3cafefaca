#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "peer.h"
#include "transport/control_server.h"

extern char** environ;

namespace domed::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kScale = 10;
#else
constexpr int kScale = 1;
#endif
// Sanitizers slow things down: fewer rounds show the same.
constexpr int scaled(int rounds) {
  return rounds / kScale;
}

class Scratch {
 public:
  Scratch() {
    char name[] = "/tmp/domed-transport-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  std::string path(const std::string& name) const { return path_ + "/" + name; }
  std::string url(const std::string& name) const { return "ipc://" + path(name); }

 private:
  std::string path_;
};

// A process of ours, killed at the end of its life.
class Process {
 public:
  explicit Process(std::vector<std::string> words) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ) != 0) std::abort();
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = ends[0];
  }
  Process(Process&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), output_(std::exchange(other.output_, -1)) {}
  Process(const Process&) = delete;
  ~Process() {
    kill_now();
    if (output_ >= 0) close(output_);
  }

  bool wait_ready() const {
    char word[6];
    return read(output_, word, sizeof word) == sizeof word;
  }
  void send_kill() const {
    if (pid_ > 0) kill(pid_, SIGKILL);
  }
  void kill_now() {
    if (pid_ <= 0) return;
    send_kill();
    wait_exit();
  }
  int wait_exit() {
    int status = 0;
    waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  int output_ = -1;
};

inline std::size_t open_descriptors() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

// With the files that all share, where it is over TLS.
inline Place place_at(const std::string& url) {
  Place place(url);
  if (is_tls(url)) place.tls = std::make_shared<tls::ServerContext>(tls_world().files());
  return place;
}

#define SKIP_WHERE_TLS_IS_ANOTHER_ENGINES() \
  if (engine_under_test() == Engine::nng)   \
  GTEST_SKIP() << "tls+tcp is served by our own engine, whatever the deployment says"

inline ControlOptions control_options(const std::string& url) {
  ControlOptions options;
  options.listen.engine = engine_under_test();
  options.urls = {place_at(url)};
  options.contexts = 64;
  return options;
}

inline void echo(std::string request, const Peer&, const ControlServer::Reply& reply) {
  reply(std::move(request));
}

// An echoing server that is up.
class EchoServer : public ControlServer {
 public:
  explicit EchoServer(const std::string& url) : EchoServer(control_options(url)) {}
  explicit EchoServer(ControlOptions options) : ControlServer(std::move(options), echo) { start(); }
  std::string url() const { return urls()[0]; }
  bool answers() const { return ask(url(), "ping") == "ping"; }
};

// The text of the Error that "action" throws; empty where it throws none.
template <class Action>
std::string refusal(Action action) {
  try {
    action();
    return "";
  } catch (const Error& failure) {
    return failure.what();
  }
}

}  // namespace domed::test
