#include "bench/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "bench/roles.h"

extern char** environ;

namespace domed::bench {
namespace {

struct Pipe {
  Fd read, write;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    read = Fd(ends[0]), write = Fd(ends[1]);
  }
};

pid_t spawn(const std::vector<std::string>& arguments, posix_spawn_file_actions_t& files) {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, argv[0], &files, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) throw std::runtime_error("cannot run " + arguments[0] + ": " + strerror(error));
  return pid;
}

}  // namespace

Child::Child(const std::vector<std::string>& arguments, const std::string& log) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  if (!log.empty()) {
    for (const int fd : {1, 2})
      posix_spawn_file_actions_addopen(&files, fd, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                       0600);
    pid_ = spawn(arguments, files);
    return;
  }
  Pipe to, from;
  posix_spawn_file_actions_adddup2(&files, to.read.get(), 0);
  posix_spawn_file_actions_adddup2(&files, from.write.get(), 1);
  pid_ = spawn(arguments, files);
  in = std::move(to.write), out = std::move(from.read);
}

int Child::end(int signal) {
  if (pid_ == 0) return 0;
  if (signal != 0) kill(pid_, signal);
  int status = 0;
  waitpid(std::exchange(pid_, 0), &status, 0);
  return status;
}

double Child::cpu_seconds() const {
  const std::string stat = read_if_there("/proc/" + std::to_string(pid_) + "/stat");
  unsigned long user = 0, system = 0;
  const std::size_t name = stat.rfind(')');
  if (name == std::string::npos ||
      std::sscanf(stat.c_str() + name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                  &user, &system) != 2)
    throw std::runtime_error("a measured process is gone");
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::uint64_t Child::status_field(const char* name) const {
  const std::string status = read_if_there("/proc/" + std::to_string(pid_) + "/status");
  const std::size_t at = status.find(name);
  if (at == std::string::npos) throw std::runtime_error("a measured process is gone");
  return std::strtoull(status.c_str() + at + std::strlen(name), nullptr, 10) * 1024;
}

std::uint64_t Child::peak_rss() const {
  return status_field("VmHWM:");
}
std::uint64_t Child::rss() const {
  return status_field("VmRSS:");
}

Worker::Worker(const std::string& role, const Json& params)
    : child_(
          {std::filesystem::read_symlink("/proc/self/exe").string(), "worker", role, params.dump()},
          "") {}

void Worker::go() {
  if (write(child_.in.get(), "\n", 1) != 1) throw std::runtime_error("a load generator is gone");
}

std::string Worker::read_line() {
  for (;;) {
    const std::size_t end = read_.find('\n');
    if (end != std::string::npos) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    char piece[4096];
    const ssize_t size = read(child_.out.get(), piece, sizeof piece);
    if (size <= 0) throw std::runtime_error("a load generator ended without a result");
    read_.append(piece, static_cast<std::size_t>(size));
  }
}

Json Worker::result() {
  const Json json = Json::parse(read_line());
  if (json.contains("failed"))
    throw std::runtime_error("a load generator failed: " + json["failed"].get<std::string>());
  return json;
}

void ready() {
  std::printf("ready\n");
  std::fflush(stdout);
  if (std::getchar() == EOF) std::exit(0);
}

int run_role(const std::string& role, const std::string& params) {
  Json result;
  try {
    result = role_named(role)(Json::parse(params));
  } catch (const std::exception& e) {
    result = {{"failed", e.what()}};
  }
  std::printf("%s\n", result.dump().c_str());
  std::fflush(stdout);
  return 0;
}

std::string own_directory() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
}

}  // namespace domed::bench
