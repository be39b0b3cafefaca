#include "jobs/run_dir.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/note.h"
#include "domed/error.h"
#include "protocol/limits.h"
#include "system/own_file.h"

namespace domed {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestLog = 1 << 20;
// A runner stops reading its job at 64 MiB that wait, and keeps at most as much again.
constexpr std::size_t kLongestSpool = 256 << 20;
// Of the daemon's own environment: where its libraries are, and how a sanitizer is to report.
constexpr const char* kRunnerEnvironment[] = {"LD_LIBRARY_PATH", "ASAN_OPTIONS", "LSAN_OPTIONS",
                                              "TSAN_OPTIONS", "UBSAN_OPTIONS"};

[[noreturn]] void fail(const std::string& what, int error) {
  throw Error(code_of(error), what + ": " + std::strerror(error));
}

// What {"pid","start_time","boot_id"} names, in this life of the machine.
std::optional<Process> identity(const Json& json) {
  if (json.value("boot_id", "") != boot_id()) return std::nullopt;
  return Process{json.at("pid").get<pid_t>(), json.at("start_time").get<std::uint64_t>()};
}

// A file without a name, at its beginning.
Fd anonymous_file(const std::string& bytes) {
  Fd fd(memfd_create("domed-run", MFD_CLOEXEC));
  if (!fd || !write_fully(fd.get(), bytes, 0)) fail("cannot hand a run to its runner", errno);
  return fd;
}

std::vector<std::string> runner_environment() {
  std::vector<std::string> out;
  for (const char* name : kRunnerEnvironment)
    if (const char* value = std::getenv(name)) out.push_back(std::string(name) + "=" + value);
  return out;
}

}  // namespace

bool RunDir::exists() const {
  std::error_code ignored;
  return fs::exists(path_, ignored);
}

void RunDir::create(const std::string& job_id, const Json& task) {
  const fs::path draft = path_.string() + ".new";
  std::error_code error;
  fs::remove_all(draft, error);
  if (error) fail("cannot remove " + draft.string(), error.value());
  fs::create_directories(draft.parent_path(), error);
  if (error) fail("cannot make " + draft.string(), error.value());
  try {
    if (mkdir(draft.c_str(), 0700) != 0) fail("cannot make " + draft.string(), errno);
    write_own(draft / "spec.json", Json{{"job_id", job_id}}.dump());
    if (!task.is_null()) write_own(draft / kTaskFile, task.dump() + "\n");
    remove();
    if (rename(draft.c_str(), path_.c_str()) != 0) fail("cannot make " + path_.string(), errno);
  } catch (const Error&) {
    fs::remove_all(draft, error);  // on a full disk it takes room
    throw;
  }
}

void RunDir::remove() noexcept {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::optional<Fd> RunDir::lock() const try {
  return lock_own(path_ / "lock");
} catch (const Error& e) {
  if (e.code() != Code::unsupported) throw;
  return std::nullopt;
}

bool RunDir::was_started() const {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path_ / "child.json", ignored));
}

std::string RunDir::job_id() const try {
  return Json::parse(read_own(path_ / "spec.json", limits::kRequestBytes * 3)).value("job_id", "");
} catch (const std::exception&) {
  return "";
}

std::optional<RunDir::Command> RunDir::command(const std::optional<Digest>& token) const try {
  const Json json = read_note(read_own(path_ / "child.json"), token);
  const auto process = identity(json);
  if (!process) return std::nullopt;
  return Command{*process, json.value("pipes", std::vector<std::uint64_t>())};
} catch (const std::exception&) {
  return std::nullopt;
}

std::size_t RunDir::read_spool(const std::function<bool(const std::string&)>& batch) const {
  const std::string path = path_ / "spool";
  const Fd fd = open_own(path, O_RDONLY);
  std::string pending;  // what is left of it without its LF is torn
  std::vector<char> buffer(256 << 10);
  std::size_t all = 0;
  while (fd) {
    const ssize_t n = read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot read " + path, errno);
    if (n == 0) break;
    pending.append(buffer.data(), static_cast<std::size_t>(n));
    std::size_t begin = 0;
    for (std::size_t lf; (lf = pending.find('\n', begin)) != std::string::npos; begin = lf + 1)
      if (!batch(pending.substr(begin, lf - begin))) return 0;
    pending.erase(0, begin);
    if (pending.size() > limits::kRequestBytes ||
        (all += static_cast<std::size_t>(n)) > kLongestSpool)
      throw Error(Code::unsupported, path + " is longer than what a runner writes");
  }
  return pending.size();
}

std::string RunDir::last_words() const try {
  std::string text = read_own(path_ / "log", kLongestLog);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const auto lf = text.rfind('\n');
  if (lf != std::string::npos) text.erase(0, lf + 1);
  return text.size() <= 1000 && is_utf8(text) ? text : "";
} catch (const Error&) {
  return "";
}

Runner spawn_runner(const std::string& program, const RunDir& dir, const std::string& spec) {
  const Fd log = open_own(dir.path() / "log", O_WRONLY | O_CREAT | O_APPEND);
  if (!log) fail("cannot make the log in " + dir.path().string(), ENOENT);
  const Fd source = anonymous_file(spec);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, log.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  posix_spawn_file_actions_adddup2(&actions, source.get(), kSpecDescriptor);
  posix_spawn_file_actions_addclosefrom_np(&actions, kSpecDescriptor + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  std::string path = dir.path();
  char* argv[] = {const_cast<char*>(program.c_str()), path.data(), nullptr};
  std::vector<std::string> environment = runner_environment();
  std::vector<char*> variables;
  for (auto& variable : environment) variables.push_back(variable.data());
  variables.push_back(nullptr);
  pid_t pid = -1;
  const int error =
      posix_spawn(&pid, program.c_str(), &actions, &attributes, argv, variables.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error) fail("cannot start " + program, error);
  Runner runner{Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))), identify(pid)};
  if (runner.pidfd) return runner;
  const int reason = errno;  // not reaped yet, so the pid is still its own
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  fail("pidfd_open", reason);
}

}  // namespace domed
