#include "domectl/sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "domectl/terminal.h"
#include "domed/error.h"

namespace domed::ctl {
namespace {

// A million short lines are a few writes; what a person waits for is flushed when the log is idle
// (Watch).
constexpr std::size_t kWaiting = 64 * 1024;

bool is_pipe(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISFIFO(info.st_mode);
}

}  // namespace

Sink::Sink(int fd, std::string name) : fd_(fd), name_(std::move(name)), whole_(is_pipe(fd)) {}

void Sink::put(std::string_view bytes) {
  taken_ += bytes.size();
  waiting_ += bytes;
  if (waiting_.size() >= kWaiting) flush();
}

// A pipe gets so much at a time as it takes as a whole: who is ended while it waits for
// the pipe's reader knows what arrived.
void Sink::flush() {
  // Taken out first: what failed once is not written a second time by a later flush.
  const std::string bytes = std::exchange(waiting_, {});
  for (std::size_t done = 0; done < bytes.size();) {
    const std::size_t left = bytes.size() - done;
    const ssize_t n =
        ::write(fd_, bytes.data() + done, whole_ ? std::min<std::size_t>(left, PIPE_BUF) : left);
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      written_ += static_cast<std::uint64_t>(n);
    } else if (n < 0 && errno == EAGAIN) {  // another program made it so
      pollfd room{fd_, POLLOUT, 0};
      poll(&room, 1, -1);
    } else if (n == 0 || errno != EINTR) {
      fail(n == 0 ? EIO : errno);
    }
  }
}

void Sink::finish() {
  flush();
  // A full disk over NFS, or a quota, may be told at the close only.
  if (taken_ > 0 && close(fd_) != 0 && errno != EINTR) fail(errno);
}

void Sink::fail(int error) {
  if (error == EPIPE) throw ReaderGone();
  throw Error(Code::io, "cannot write " + name_ + ": " +
                            (error == EBADF ? "it is closed" : std::strerror(error)));
}

Sink& out() {
  static Sink output(STDOUT_FILENO);
  return output;
}

Sink& err() {
  static Sink output(STDERR_FILENO, "the error output");
  return output;
}

void put(std::string_view bytes) {
  out().put(bytes);
}

void put_json(Sink& sink, std::string_view json) {
  sink.put(visible_json(json));
  sink.put("\n");
}

void put_event_line(Sink& sink, std::string_view line) {
  if (is_terminal(sink.fd())) return put_json(sink, line);
  sink.put(line);
  sink.put("\n");
}

void fill_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    // Where one of them is closed, the next socket would get its number, and the job's output go to
    // the daemon.  Opened the wrong way round, so that who uses it gets an error and no silence.
    while (fcntl(fd, F_GETFD) < 0)  // the lowest free one is taken
      if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
}

}  // namespace domed::ctl
