#include "domectl/dsse.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "domed/error.h"
#include "domed/support/hash.h"
#include "system/fd.h"

namespace domed::ctl {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw Error(Code::io, "not signed: " + what);
}

// A file in memory, not a pipe: whoever signs may take it when it likes.
void fill(const Fd& file, const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t got = ::write(file.get(), bytes.data() + at, bytes.size() - at);
    if (got < 0) fail(std::strerror(errno));
    at += static_cast<std::size_t>(got);
  }
  ::lseek(file.get(), 0, SEEK_SET);
}

pid_t spawn(const std::string& command, int in, int out) {
  // By a shell, since a signer is given as people write a command, with its key and options.
  // Standard error stays ours: it may ask for a PIN.
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  std::string shell = "sh", option = "-c", text = command;
  char* words[] = {shell.data(), option.data(), text.data(), nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, "/bin/sh", &actions, nullptr, words, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error) fail(std::string("/bin/sh: ") + std::strerror(error));
  return pid;
}

// A child that is reaped in any case, and killed where nobody waited for it.
class Child {
 public:
  explicit Child(pid_t pid)
      : pid_(pid), watch_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  ~Child() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  int watch() const { return watch_.get(); }  // readable when it ended
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
  const Fd watch_;
};

// All that comes from "pipe" until "child" ended; whoever else holds the pipe is not
// waited for.
std::string read_all(int pipe, const Child& child, const SignerLimits& limits) {
  const auto deadline = std::chrono::steady_clock::now() + limits.time;
  std::string out;
  std::array<char, 4096> buffer;
  std::array<pollfd, 2> events{{{pipe, POLLIN, 0}, {child.watch(), POLLIN, 0}}};
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) fail("the command did not end in time");
    // The child's end counts, not the pipe's: an agent that it started may hold that for hours.
    // What it wrote before is still read, as long as the pipe has something.
    if (::poll(events.data(), events.size(), static_cast<int>(left.count())) <= 0) continue;
    if (!events[0].revents && events[1].revents) return out;
    if (!events[0].revents) continue;
    const ssize_t got = ::read(pipe, buffer.data(), buffer.size());
    if (got <= 0) events[0].fd = -1;  // closed, but it may go on
    if (got > 0) out.append(buffer.data(), static_cast<std::size_t>(got));
    if (out.size() > limits.bytes)
      fail("the command printed more than " + std::to_string(limits.bytes) + " bytes");
  }
}

std::string run_signer(const std::string& command, const std::string& bytes,
                       const SignerLimits& limits) {
  const Fd in(::memfd_create("to sign", MFD_CLOEXEC));
  if (!in) fail(std::string("memfd_create: ") + std::strerror(errno));
  fill(in, bytes);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail(std::string("pipe: ") + std::strerror(errno));
  const Fd out(ends[0]);
  Fd theirs(ends[1]);
  Child child(spawn(command, in.get(), theirs.get()));
  theirs.reset();
  if (child.watch() < 0) fail(std::string("pidfd_open: ") + std::strerror(errno));
  const std::string signature = read_all(out.get(), child, limits);
  const int status = child.wait();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("'" + command + "' failed");
  // An envelope without a signature would look signed to whoever only looks for the field.
  if (signature.empty()) fail("'" + command + "' printed no signature");
  return signature;
}

}  // namespace

// DSSE's own form (PAE): the lengths are signed too, so that no part can be moved into the other.
std::string pre_authentication(const std::string& type, const std::string& payload) {
  const auto part = [](const std::string& text) {
    return " " + std::to_string(text.size()) + " " + text;
  };
  return "DSSEv1" + part(type) + part(payload);
}

OrderedJson sign(const std::string& payload, const std::string& signer, const std::string& key_id,
                 const SignerLimits& limits) {
  OrderedJson signature{
      {"sig", to_base64(run_signer(signer, pre_authentication(kStatementType, payload), limits))}};
  if (!key_id.empty()) signature["keyid"] = key_id;
  return {{"payloadType", kStatementType},
          {"payload", to_base64(payload)},
          {"signatures", OrderedJson::array({signature})}};
}

}  // namespace domed::ctl
