#include "run/run_dir.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "domed/error.h"

namespace domed {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Field 22 of /proc/PID/stat; the name in field 2 may hold anything.
std::string start_time(pid_t pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  const auto paren = stat.rfind(')');
  if (paren == std::string::npos) return "";
  std::istringstream fields(stat.substr(paren + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  return field;
}

std::vector<pid_t> carriers(const std::string& run_id) {
  const std::string needle = std::string("\0DOMED_RUN_ID=", 14) + run_id + '\0';
  std::vector<pid_t> out;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string environment = '\0' + read_file(entry.path() / "environ");
    if (environment.find(needle) != std::string::npos) out.push_back(std::stoi(name));
  }
  return out;
}

// Signals through a pidfd, after a second look, so that a recycled pid is never hit.
void kill_carrier(pid_t pid, const std::string& run_id) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return;
  const std::string environment =
      '\0' + read_file("/proc/" + std::to_string(pid) + "/environ");
  if (environment.find(std::string("\0DOMED_RUN_ID=", 14) + run_id + '\0') != std::string::npos)
    syscall(SYS_pidfd_send_signal, fd, SIGKILL, nullptr, 0);
  close(fd);
}

[[noreturn]] void fail(const std::string& what, int error) {
  throw Error(Code::io, what + ": " + std::strerror(error));
}

}  // namespace

bool RunDir::exists() const {
  std::error_code ignored;
  return fs::exists(path_, ignored);
}

void RunDir::create(const Json& spec) {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) throw Error(Code::io, "cannot make " + path_.string() + ": " + error.message());
  fs::permissions(path_, fs::perms::owner_all, error);
  const fs::path file = path_ / "spec.json";
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) fail("cannot write " + file.string(), errno);
  const std::string text = spec.dump();
  const ssize_t written = write(fd, text.data(), text.size());
  const int write_error = errno;
  close(fd);
  if (written != static_cast<ssize_t>(text.size())) fail("cannot write " + file.string(), write_error);
}

void RunDir::remove() noexcept {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::optional<pid_t> RunDir::living_runner() const {
  const int fd = open((path_ / "lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  const bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(fd);
  if (!held) return std::nullopt;
  const Json record = Json::parse(read_file(path_ / "runner.json"), nullptr, false);
  if (!record.is_object() || !record.contains("pid") || !record["pid"].is_number_integer()) return std::nullopt;
  const pid_t pid = record["pid"];
  const Json& began = record.value("start_time", Json());
  const std::string text = began.is_string() ? began.get<std::string>() : began.dump();
  return start_time(pid) == text ? std::optional(pid) : std::nullopt;
}

bool RunDir::was_started() const { return fs::exists(path_ / "child.json"); }

void RunDir::read_spool(const std::function<void(const std::string&)>& batch) const {
  std::ifstream file(path_ / "spool", std::ios::binary);
  for (std::string line; std::getline(file, line);)
    if (!file.eof()) batch(line);  // without its LF the last line is torn
}

std::size_t kill_leftovers(const std::string& run_id) {
  std::set<pid_t> killed;
  for (auto left = carriers(run_id); !left.empty(); left = carriers(run_id)) {
    for (const pid_t pid : left) {
      kill_carrier(pid, run_id);
      killed.insert(pid);
    }
    std::this_thread::sleep_for(5ms);  // a killed process leaves /proc when it is ready to
  }
  return killed.size();
}

int spawn_runner(const std::string& runner, const RunDir& dir) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const std::string log = dir.path() / "log";
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  std::string path = dir.path();
  char* argv[] = {const_cast<char*>(runner.c_str()), path.data(), nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, runner.c_str(), &actions, &attributes, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error) fail("cannot start " + runner, error);
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) fail("pidfd_open", errno);
  return fd;
}

}  // namespace domed
