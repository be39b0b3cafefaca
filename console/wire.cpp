#include "console/wire.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

namespace domed::console {
namespace {

using namespace std::chrono_literals;

// Who reads slower than this, after a while of grace, only holds a thread.
constexpr auto kGrace = 10s;
constexpr std::size_t kSlowest = 4096;  // bytes a second
// What is read of somebody who is not listened to any more, so that they hear why.
constexpr auto kFarewell = 1s;
constexpr std::size_t kMostOfFarewell = 1 << 20;

}  // namespace

Wire::Wire(int socket, SSL_CTX* context, Waiting& waiting) : socket_(socket), waiting_(waiting) {
  ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
  if (!context) return;
  ssl_.reset(SSL_new(context));
  if (ssl_ && SSL_set_fd(ssl_.get(), socket) == 1)
    SSL_set_accept_state(ssl_.get());
  else
    socket_.reset();
}

Wire::~Wire() {
  if (ssl_ && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

// What has to be there before it can go on after "result"; 0: it cannot.
short Wire::missing(long result) const {
  if (!ssl_) return result < 0 && (errno == EAGAIN || errno == EINTR) ? POLLIN | POLLOUT : 0;
  const int error = SSL_get_error(ssl_.get(), static_cast<int>(result));
  return error == SSL_ERROR_WANT_READ ? POLLIN : error == SSL_ERROR_WANT_WRITE ? POLLOUT : 0;
}

bool Wire::wait(short events, Clock::time_point until) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    if (left <= 0ms) return false;
    pollfd one{socket_.get(), events, 0};
    const int found = ::poll(&one, 1, static_cast<int>(left.count()));
    if (found > 0) return true;
    if (found < 0 && errno != EINTR) return false;
  }
}

bool Wire::read(std::string& into, Clock::time_point until) {
  std::array<char, 4096> bytes;
  while (socket_) {
    ERR_clear_error();
    const long result = ssl_ ? SSL_read(ssl_.get(), bytes.data(), bytes.size())
                             : ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (result > 0) {
      into.append(bytes.data(), static_cast<std::size_t>(result));
      return true;
    }
    const short events = missing(result);
    if (events == 0 || !wait(ssl_ ? events : POLLIN, until)) return false;
  }
  return false;
}

bool Wire::write(std::string_view bytes) {
  std::optional<Waiting::Place> place;
  while (socket_ && !bytes.empty()) {
    ERR_clear_error();
    const long result =
        ssl_ ? SSL_write(ssl_.get(), bytes.data(),
                         static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20)))
             : ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (result > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(result));
      written_ += static_cast<std::size_t>(result);
      continue;
    }
    const short events = missing(result);
    if (events == 0) return false;
    if (!place) place.emplace(waiting_, socket_.get());
    const auto from = Clock::now();
    const auto may_wait = kGrace + 1s * (written_ / kSlowest);
    if (waited_ >= may_wait) return false;
    const auto until = from + std::min<Clock::duration>(kGrace, may_wait - waited_);
    if (!wait(ssl_ ? events : POLLOUT, until)) return false;
    waited_ += Clock::now() - from;
  }
  return bytes.empty();
}

void Wire::finish() {
  if (!socket_) return;
  if (ssl_ && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
  ::shutdown(socket_.get(), SHUT_WR);
  const Waiting::Place place(waiting_, socket_.get());
  const auto until = Clock::now() + kFarewell;
  std::array<char, 16 << 10> bytes;
  for (std::size_t total = 0; total < kMostOfFarewell && wait(POLLIN, until);) {
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got <= 0) return;
    total += static_cast<std::size_t>(got);
  }
}

}  // namespace domed::console
