#include "runner/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "domed/error.h"
#include "runner/exec.h"
#include "system/found_path.h"
#include "system/process.h"

namespace domed {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw SpawnError("cannot run \"" + name + "\": " + why);
}

// 0, or the errno that exec would give.
int executable_error(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return errno;
  if (S_ISDIR(info.st_mode)) return EISDIR;
  return access(path.c_str(), X_OK) == 0 ? 0 : errno;
}

std::string in_directory(const std::string& cwd, const std::string& path) {
  return path.starts_with('/') ? path : cwd + '/' + path;
}

// As execvp: the first that can be executed, and EACCES is remembered, for "not found" would be a
// lie about a file that is there.
std::string find_on_path(const std::string& name, std::string_view path, const std::string& cwd) {
  int denied = 0;
  for (bool more = true; more;) {
    const auto colon = path.find(':');
    more = colon != std::string_view::npos;
    const std::string directory(path.substr(0, colon));
    const std::string file = (directory.empty() ? "." : directory) + '/' + name;
    const int error = executable_error(in_directory(cwd, file));
    if (error == 0) return file;
    if (error == EACCES) denied = error;
    if (more) path.remove_prefix(colon + 1);
  }
  if (denied) refuse(name, "found in PATH, but not executable: permission denied");
  refuse(name, "not found in PATH");
}

void check_cwd(const std::string& name, const std::string& cwd) {
  const Fd directory(open(cwd.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory || access(cwd.c_str(), X_OK) != 0)
    refuse(name, "its working directory \"" + cwd + "\" cannot be entered: " + strerror(errno));
}

// When the daemon took the request the path may have led elsewhere than now: what counts is
// what is opened here, and used.
FoundPath find_chosen(const Chosen& chosen) {
  FoundPath place(chosen.path);
  if (!chosen.below.empty() && !place.is_in_one_of(chosen.below))
    throw Error(Code::invalid_argument,
                "\"" + chosen.path + "\" leads to where its tool does not accept it");
  return place;
}

// Nothing where the path alone decides.
std::optional<FoundPath> open_cwd(const std::string& name, const Chosen& cwd) try {
  if (cwd.below.empty()) return std::nullopt;
  return find_chosen(cwd);
} catch (const Error& e) {
  refuse(name, std::string("its working directory ") + e.what());
}

std::string value_of(const std::vector<std::string>& environment, std::string_view name,
                     const char* otherwise) {
  for (const auto& entry : environment)
    if (entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  return otherwise;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const auto& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

struct Pipe {
  Fd read, write;
};

// Both ends above 2, so that the child's dup2 calls cannot meet their source.
Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw SpawnError(std::string("pipe: ") + strerror(errno));
  Pipe low{Fd(ends[0]), Fd(ends[1])};
  Pipe out{Fd(fcntl(low.read.get(), F_DUPFD_CLOEXEC, 3)),
           Fd(fcntl(low.write.get(), F_DUPFD_CLOEXEC, 3))};
  if (!out.read || !out.write || fcntl(out.read.get(), F_SETFL, O_NONBLOCK) != 0)
    throw SpawnError(std::string("pipe: ") + strerror(errno));
  return out;
}

// "read" is our end of a terminal, "write" the command's.
Pipe make_terminal(const TerminalSize& size) {
  const Fd low(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  Pipe out{Fd(low ? fcntl(low.get(), F_DUPFD_CLOEXEC, 3) : -1), Fd()};
  char name[64];
  if (!out.read || grantpt(low.get()) != 0 || unlockpt(low.get()) != 0 ||
      ptsname_r(low.get(), name, sizeof name) != 0 || fcntl(low.get(), F_SETFL, O_NONBLOCK) != 0)
    throw SpawnError(std::string("a terminal: ") + strerror(errno));
  const winsize window{size.rows, size.columns, 0, 0};
  ioctl(low.get(), TIOCSWINSZ, &window);
  // Opened here, too: a terminal whose other side nobody has open reads as ended.
  const Fd slave(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  out.write = Fd(slave ? fcntl(slave.get(), F_DUPFD_CLOEXEC, 3) : -1);
  if (!out.write) throw SpawnError(std::string("a terminal: ") + strerror(errno));
  return out;
}

// Above 2 as the pipes are.
Fd open_input(const std::string& name, const Chosen& input) try {
  const bool none = input.path == "/dev/null" && input.below.empty();
  const Fd low =
      none ? Fd(open("/dev/null", O_RDONLY | O_CLOEXEC)) : find_chosen(input).open_file();
  Fd fd(fcntl(low.get(), F_DUPFD_CLOEXEC, 3));
  if (!fd) throw Error(Code::io, strerror(errno));
  return fd;
} catch (const Error& e) {
  refuse(name, std::string("its input cannot be read: ") + e.what());
}

class Actions {
 public:
  // "status" stays open as kExecStatus, unless it is negative.  "directory", where there is one,
  // is what "cwd" names.
  Actions(int in, int out, int err, int status, const std::string& cwd,
          const std::optional<FoundPath>& directory) {
    posix_spawn_file_actions_init(&actions_);
    if (directory)  // before a descriptor takes its number
      posix_spawn_file_actions_addfchdir_np(&actions_, directory->get());
    else
      posix_spawn_file_actions_addchdir_np(&actions_, cwd.c_str());
    posix_spawn_file_actions_adddup2(&actions_, in, 0);
    posix_spawn_file_actions_adddup2(&actions_, out, 1);
    posix_spawn_file_actions_adddup2(&actions_, err, 2);
    if (status >= 0) posix_spawn_file_actions_adddup2(&actions_, status, kExecStatus);
    posix_spawn_file_actions_addclosefrom_np(&actions_, status >= 0 ? kExecStatus + 1 : 3);
  }
  Actions(const Actions&) = delete;
  ~Actions() { posix_spawn_file_actions_destroy(&actions_); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  Attributes(const Attributes&) = delete;
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

// This process's umask, for as long as the object lives: a child inherits it.  No other
// thread of ours makes files.
class Mask {
 public:
  explicit Mask(mode_t mask) : before_(umask(mask)) {}
  Mask(const Mask&) = delete;
  ~Mask() { umask(before_); }

 private:
  const mode_t before_;
};

std::string explain(int error) {
  if (error == ENOENT)
    return "No such file or directory (the interpreter that it names may be missing)";
  if (error == ENOEXEC) return "not a program of this machine (a script needs a #! line)";
  if (error == E2BIG) return "its arguments and environment are too long";
  return strerror(error);
}

}  // namespace

std::string find_program(const std::string& name, const std::string& path, const std::string& cwd) {
  if (name.find('/') == std::string::npos)
    return find_on_path(name, path.empty() ? kDefaultPath : path, cwd);
  const int error = executable_error(in_directory(cwd, name));
  if (error != 0) refuse(name, strerror(error));
  return name;
}

namespace {

struct Program {
  std::string file;
  std::vector<std::string> argv;
};

pid_t start(const Program& program, const std::vector<std::string>& environment,
            const Actions& actions, const std::string& name) {
  const Attributes attributes;
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.file.c_str(), actions.get(), attributes.get(),
                                pointers(program.argv).data(), pointers(environment).data());
  if (error != 0) refuse(name, explain(error));
  return pid;
}

// Returns when the command has taken the place of its starter.
void await_exec(Pipe& status, pid_t pid, const std::string& name) {
  status.write.reset();
  // Blocking: until the exec there is nothing else to do, and it takes no longer than one.
  fcntl(status.read.get(), F_SETFL, 0);
  int error = 0;
  ssize_t n;
  while ((n = read(status.read.get(), &error, sizeof error)) < 0 && errno == EINTR) continue;
  if (n == 0) return;
  waitpid(pid, nullptr, 0);
  refuse(name, explain(error));
}

}  // namespace

Child spawn(const std::vector<std::string>& command, const std::vector<std::string>& environment,
            const Chosen& cwd, const Limits& limits, const Chosen& input,
            const TerminalSize& terminal, mode_t mask) {
  const std::string& name = command.front();
  const std::optional<FoundPath> directory = open_cwd(name, cwd);
  check_cwd(name, cwd.path);
  Program program{find_program(name, value_of(environment, "PATH", ""), cwd.path), command};
  const bool tty = terminal.rows > 0, in_two_steps = tty || limits.any();
  if (in_two_steps) program = {"/proc/self/exe", exec_command(limits, tty, program.file, command)};
  Pipe status, out, err;
  if (in_two_steps) status = make_pipe();
  out = tty ? make_terminal(terminal) : make_pipe();
  if (!tty) err = make_pipe();
  const Fd in = tty ? Fd() : open_input(name, input);
  const Actions actions(tty ? out.write.get() : in.get(), out.write.get(),
                        tty ? out.write.get() : err.write.get(), status.write.get(), cwd.path,
                        directory);
  const Mask masked(mask);
  const pid_t pid = start(program, environment, actions, name);
  if (in_two_steps) await_exec(status, pid, name);
  return {pid, std::move(out.read), std::move(err.read)};
}

}  // namespace domed
