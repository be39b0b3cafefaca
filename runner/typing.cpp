#include "runner/typing.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/json.h"
#include "domed/support/hash.h"
#include "system/unix_socket.h"

namespace domed {
namespace {

// Of a pasted text, in base64; who sends more without a line's end does not speak this.
constexpr std::size_t kLongestLine = 64 * 1024;

}  // namespace

Typing::Typing(const std::string& directory)
    : listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  if (!listener_ || !at_socket(bind, listener_, directory, "tty") ||
      listen(listener_.get(), 4) != 0)
    throw_errno("cannot listen at " + directory + "/tty");
}

void Typing::prepare(std::span<pollfd, kFds> fds, int terminal) const {
  fds[0] = {listener_.get(), POLLIN, 0};
  fds[1] = {client_ && typed_.empty() ? client_.get() : -1, POLLIN, 0};
  fds[2] = {typed_.empty() ? -1 : terminal, POLLOUT, 0};
}

void Typing::serve(std::span<const pollfd, kFds> fds, int terminal) {
  if (fds[1].revents) read_client(terminal);
  if (fds[0].revents) accept_client();
  if (!typed_.empty()) write_terminal(terminal);
}

void Typing::accept_client() {
  Fd fresh(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fresh) return;
  // The last one types: whoever lost a connection without noticing is replaced by coming again.
  client_ = std::move(fresh);
  received_.clear();
}

void Typing::read_client(int terminal) {
  char buffer[4096];
  const ssize_t n = ::read(client_.get(), buffer, sizeof buffer);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return client_.reset();
  received_.append(buffer, static_cast<std::size_t>(n));
  for (std::size_t lf; (lf = received_.find('\n')) != std::string::npos;) {
    const std::string line = received_.substr(0, lf);
    received_.erase(0, lf + 1);
    if (!take(line, terminal)) return client_.reset();
  }
  if (received_.size() > kLongestLine) client_.reset();
}

bool Typing::take(std::string_view line, int terminal) try {
  const Json json = Json::parse(line);
  if (json.contains("b64")) {
    std::string bytes;
    if (!from_base64(json.at("b64").get<std::string>(), bytes)) return false;
    typed_ += bytes;
    return true;
  }
  const winsize window{json.at("rows").get<unsigned short>(),
                       json.at("columns").get<unsigned short>(), 0, 0};
  if (terminal >= 0) ioctl(terminal, TIOCSWINSZ, &window);
  return true;
} catch (const Json::exception&) {
  return false;
}

// A terminal that is closed takes everything: nobody will ever read it.
void Typing::write_terminal(int terminal) {
  const ssize_t n = terminal < 0 ? static_cast<ssize_t>(typed_.size())
                                 : ::write(terminal, typed_.data(), typed_.size());
  if (n > 0) typed_.erase(0, static_cast<std::size_t>(n));
  if (n < 0 && errno != EAGAIN && errno != EINTR) typed_.clear();
}

}  // namespace domed
