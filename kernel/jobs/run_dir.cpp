#include "jobs/run_dir.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "domed/error.h"

namespace domed {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what, int error) {
  throw Error(Code::io, what + ": " + std::strerror(error));
}

void write_file(const fs::path& file, const std::string& text) {
  const Fd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) fail("cannot write " + file.string(), errno);
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = write(fd.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail("cannot write " + file.string(), errno);
    done += static_cast<std::size_t>(n);
  }
}

Json read_json(const fs::path& file) {
  Json json = Json::parse(read_if_there(file), nullptr, false);
  return json.is_object() ? json : Json::object();
}

// What {"pid","start_time","boot_id"} names, in this life of the machine.
std::optional<Process> identity(const Json& json) try {
  if (json.value("boot_id", "") != boot_id()) return std::nullopt;
  return Process{json.at("pid").get<pid_t>(), json.at("start_time").get<std::uint64_t>()};
} catch (const Json::exception&) {
  return std::nullopt;
}

}  // namespace

bool RunDir::exists() const {
  std::error_code ignored;
  return fs::exists(path_, ignored);
}

void RunDir::create(const Json& spec) {
  const fs::path draft = path_.string() + ".new";
  std::error_code error;
  fs::remove_all(draft, error);
  fs::create_directories(draft, error);
  if (error) throw Error(Code::io, "cannot make " + draft.string() + ": " + error.message());
  fs::permissions(draft, fs::perms::owner_all, error);
  write_file(draft / "spec.json", spec.dump());
  if (spec.contains("task")) write_file(draft / kTaskFile, spec.at("task").dump() + "\n");
  remove();
  if (rename(draft.c_str(), path_.c_str()) != 0) fail("cannot make " + path_.string(), errno);
}

void RunDir::remove() noexcept {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::optional<Fd> RunDir::lock() const {
  const fs::path file = path_ / "lock";
  Fd fd(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd && errno == ENOENT) return fd;
  if (!fd) fail("cannot open " + file.string(), errno);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) fail("cannot lock " + file.string(), errno);
  return std::nullopt;
}

Fd RunDir::runner() const {
  const auto process = identity(read_json(path_ / "runner.json"));
  return process ? open_process(*process) : Fd();
}

bool RunDir::was_started() const {
  return fs::exists(path_ / "child.json");
}

std::string RunDir::job_id() const {
  const Json spec = read_json(path_ / "spec.json");
  const auto id = spec.find("job_id");
  return id != spec.end() && id->is_string() ? id->get<std::string>() : "";
}

std::optional<RunDir::Command> RunDir::command() const try {
  const Json json = read_json(path_ / "child.json");
  const auto process = identity(json);
  if (!process) return std::nullopt;
  return Command{*process, json.value("pipes", std::vector<std::uint64_t>())};
} catch (const Json::exception&) {
  return std::nullopt;
}

void RunDir::read_spool(const std::function<bool(const std::string&)>& batch) const {
  std::ifstream file(path_ / "spool", std::ios::binary);
  if (!file && fs::exists(path_ / "spool"))
    fail("cannot read the spool in " + path_.string(), errno);
  for (std::string line; std::getline(file, line);)
    if (!file.eof() && !batch(line)) return;  // without its LF the last line is torn
}

std::string RunDir::last_words() const {
  std::string text = read_if_there(path_ / "log");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const auto lf = text.rfind('\n');
  if (lf != std::string::npos) text.erase(0, lf + 1);
  return text.size() <= 1000 && is_utf8(text) ? text : "";
}

Fd spawn_runner(const std::string& runner, const RunDir& dir) {
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
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  std::string path = dir.path();
  char* argv[] = {const_cast<char*>(runner.c_str()), path.data(), nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, runner.c_str(), &actions, &attributes, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error) fail("cannot start " + runner, error);
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (pidfd) return pidfd;
  const int reason = errno;  // not reaped yet, so the pid is still its own
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  fail("pidfd_open", reason);
}

}  // namespace domed
