#include "domed/support/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

namespace domed::program {
namespace {

// Not system/fd.h: this library is installed for plugins, and stands below the rooms.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }

  int number() const { return number_; }
  bool open() const { return number_ >= 0; }
  void close() {
    if (open()) ::close(number_);
    number_ = -1;
  }

 private:
  int number_ = -1;
};

struct Pipe {
  Descriptor read, write;
};

// Above the standard descriptors, so that the child's own redirections cannot
// step on it where the host runs with one of those closed.
Descriptor raised(int number) {
  Descriptor low(number);
  return Descriptor(::fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

bool make_pipe(Pipe& pipe) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  pipe.read = raised(ends[0]);
  pipe.write = raised(ends[1]);
  return pipe.read.open() && pipe.write.open() &&
         ::fcntl(pipe.read.number(), F_SETFL, O_NONBLOCK) == 0;
}

class SpawnPlan {
 public:
  SpawnPlan(const Command& command, int out, int err) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    // Opened in the child, in this order: the standard three first, then everything above them
    // closed, for the host's own descriptors (its store, its sockets) may lack O_CLOEXEC. The
    // directory last; it needs no descriptor.
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, err, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    ::posix_spawn_file_actions_addchdir_np(&actions_, command.directory.c_str());
    reset_signals();
  }
  ~SpawnPlan() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  void reset_signals() {
    sigset_t none, all;
    ::sigemptyset(&none);
    // A host that ignores SIGPIPE or blocks SIGTERM, as daemons do, would hand that on: the program
    // would then neither notice that nobody reads it nor end when it is told to.
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    // What it starts is in the group too, and one signal ends them all.
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& text : strings) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

std::string failure(const std::string& what, int error) {
  return what + ": " + std::strerror(error);
}

// One run of a command, from start to reaping.
class Run {
 public:
  explicit Run(const Command& command) : command_(command) {}
  ~Run() { end(); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Outcome operator()() {
    if (start()) {
      watch();
      end();
    }
    return std::move(outcome_);
  }

 private:
  bool start();
  void watch();
  void read_all();
  bool read_out();
  void read_err();
  void end();
  int time_left() const;

  const Command& command_;
  Outcome outcome_;
  Pipe out_, err_;
  Descriptor process_;
  pid_t pid_ = -1;
  std::size_t out_bytes_ = 0;
};

bool Run::start() {
  if (!make_pipe(out_) || !make_pipe(err_)) {
    outcome_.error = failure("cannot make a pipe", errno);
    return false;
  }
  const SpawnPlan plan(command_, out_.write.number(), err_.write.number());
  std::vector<std::string> words{command_.program};
  words.insert(words.end(), command_.arguments.begin(), command_.arguments.end());
  const int error =
      ::posix_spawn(&pid_, command_.program.c_str(), plan.actions(), plan.attributes(),
                    pointers(words).data(), pointers(command_.environment).data());
  // The child alone has them now, so that its end, and that of all it started, is an end of file
  // here.
  out_.write.close();
  err_.write.close();
  if (error != 0) {
    pid_ = -1;
    outcome_.error = failure("cannot run " + command_.program, error);
    return false;
  }
  // A pidfd and not SIGCHLD: the signal belongs to the host, whose handler we would have to share.
  // The pid cannot be another's: only end() reaps it.
  process_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (process_.open()) return true;
  outcome_.error = failure("cannot watch " + command_.program, errno);
  return false;
}

int Run::time_left() const {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(command_.deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
}

// Ends with the process, not with its pipes: a grandchild may hold those open.
void Run::watch() {
  while (!outcome_.truncated) {
    std::array<pollfd, 3> sources{{{process_.number(), POLLIN, 0},
                                   {out_.read.number(), POLLIN, 0},
                                   {err_.read.number(), POLLIN, 0}}};
    const int ready = ::poll(sources.data(), sources.size(), time_left());
    if (ready < 0 && errno != EINTR) {
      outcome_.error = failure("cannot watch " + command_.program, errno);
      return;
    }
    if (ready > 0) read_all();
    const bool ended = ready > 0 && sources[0].revents != 0;
    // Also while it talks, so that endless output cannot outrun the limit, and
    // after its end where that left output unread.
    outcome_.timed_out = time_left() == 0 && (!ended || out_.read.open());
    if (ended || outcome_.timed_out) return;
  }
}

void Run::read_all() {
  read_err();
  while (out_.read.open() && !outcome_.truncated && time_left() > 0) {
    if (!read_out()) return;
  }
}

// False when there is nothing to read now.
bool Run::read_out() {
  char buffer[64 << 10];
  const ssize_t got = ::read(out_.read.number(), buffer, sizeof(buffer));
  if (got < 0 && errno == EINTR) return true;
  if (got < 0 && errno == EAGAIN) return false;
  if (got <= 0) {
    out_.read.close();
    return false;
  }
  // One byte more than allowed is what tells a full answer from a cut one.
  const std::size_t room = command_.max_out - out_bytes_;
  const std::string_view piece(buffer, std::min<std::size_t>(got, room));
  out_bytes_ += piece.size();
  outcome_.truncated = static_cast<std::size_t>(got) > room;
  if (command_.sink) {
    command_.sink(piece);
  } else {
    outcome_.out += piece;
  }
  return true;
}

void Run::read_err() {
  char buffer[4 << 10];
  while (err_.read.open() && time_left() > 0) {
    const ssize_t got = ::read(err_.read.number(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return err_.read.close();
    // Read on even when it is full: a program that waits for room in its pipe would never end.
    const std::size_t room = command_.max_err - outcome_.err.size();
    outcome_.err.append(buffer, std::min<std::size_t>(got, room));
  }
}

// The group is killed before its leader is reaped: until then its id is ours.
void Run::end() {
  if (pid_ < 0) return;
  ::kill(-pid_, SIGKILL);
  int status = 0;
  pid_t reaped;
  do {
    reaped = ::waitpid(pid_, &status, 0);
  } while (reaped < 0 && errno == EINTR);
  pid_ = -1;
  if (reaped < 0) {
    outcome_.error = failure("cannot learn how " + command_.program + " ended", errno);
  } else if (WIFEXITED(status)) {
    outcome_.exit_status = WEXITSTATUS(status);
  } else if (WIFSIGNALED(status)) {
    outcome_.signal = WTERMSIG(status);
  }
}

}  // namespace

Outcome run(const Command& command) {
  return Run(command)();
}

}  // namespace domed::program
