#include "client/socket_wire.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "domed/error.h"
#include "protocol/endpoint.h"
#include "system/unix_socket.h"

namespace domed {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;
// In one go: a peer that never stops sending must not keep its reader from all else.
constexpr int kMostReads = 64;
// Kept for a peer that does not read; whoever sends more is told that it failed.
constexpr std::size_t kMostUnsent = 64 << 20;
// Of what is sent, before its place is used again.
constexpr std::size_t kMostBehind = 1 << 20;

void set_option(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof value);
}

// A peer that went without a word, or a way to it that did, is found out within half a minute.
void prepare_tcp(int socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 4);
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
}

int family_of(const std::string& scheme) {
  return scheme.ends_with('4') ? AF_INET : scheme.ends_with('6') ? AF_INET6 : AF_UNSPEC;
}

sp::Role opposite(sp::Role role) {
  return role == sp::Role::req ? sp::Role::rep : sp::Role::pub;
}

}  // namespace

SocketWire::SocketWire(const std::string& url, sp::Role role, const Peers& peers,
                       const Credentials& credentials)
    : url_(url),
      role_(role),
      carrier_(url_scheme(url) == "ipc" ? sp::Carrier::ipc : sp::Carrier::stream),
      peers_(peers),
      credentials_(credentials),
      splitter_(carrier_, kMostMessageBytes) {
  const auto path = ipc_path_of(url);
  if (!path) {
    lookup_.emplace(url.substr(url.find("://") + 3), family_of(url_scheme(url)));
    phase_ = Phase::looking_up;
    if (url.starts_with("tls")) try {
        stream_ = make_secure_stream(credentials.files, lookup_->host());
      } catch (const Error& failure) {
        distrust_ = url + " cannot be asked: " + failure.what();
        failure_ = EKEYREJECTED;
      }
    return;
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Whose directory it is decides who listens there.
  if ((distrust_ = peers.objection(url))) {
    failure_ = EPERM;
    return;
  }
  path->copy(address.sun_path, path->size());
  failure_ = connect_to(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// 0: connected, or about to be.
int SocketWire::connect_to(const sockaddr* address, socklen_t size) {
  socket_ = Fd(socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) return errno;
  if (carrier_ == sp::Carrier::stream) prepare_tcp(socket_.get());
  phase_ = Phase::connecting;
  if (connect(socket_.get(), address, size) == 0) return begin();
  return errno == EINPROGRESS ? 0 : errno;
}

int SocketWire::connect_to_next() {
  int failure = EADDRNOTAVAIL;
  while (next_address_ < addresses_.size()) {
    const auto& address = addresses_[next_address_++];
    failure = connect_to(reinterpret_cast<const sockaddr*>(&address.bytes), address.size);
    if (failure == 0) return 0;
  }
  return failure;
}

// There is a connection now.
int SocketWire::begin() {
  if (!stream_) return greet();
  phase_ = Phase::securing;
  stream_->begin(socket_.get());
  return 0;
}

// Requests hold commands and tokens: nothing at all is sent before it is known to whom.
int SocketWire::greet() {
  phase_ = Phase::greeting;
  if (carrier_ == sp::Carrier::ipc && (distrust_ = peers_.objection(socket_.get(), url_)))
    return EPERM;
  const std::string hello = sp::hello(role_);
  const ssize_t sent = put(hello, {});
  if (sent == static_cast<ssize_t>(hello.size())) return 0;
  // The first bytes of a connection always have room.
  return sent < 0 && errno != EPIPE ? errno : ECONNRESET;
}

pollfd SocketWire::interest() const {
  if (failure_ != 0) return {-1, 0, 0};
  if (phase_ == Phase::looking_up) return {lookup_->descriptor(), POLLIN, 0};
  if (phase_ == Phase::connecting) return {socket_.get(), POLLOUT, 0};
  return {socket_.get(), static_cast<short>(has_unsent() ? POLLIN | POLLOUT : POLLIN), 0};
}

// With what comes before the greeting.
int SocketWire::go_on() {
  if (phase_ == Phase::looking_up) {
    pollfd over{lookup_->descriptor(), POLLIN, 0};
    if (poll(&over, 1, 0) != 1) return 0;
    if (const int failure = lookup_->result(addresses_)) return failure;
    return connect_to_next();
  }
  pollfd writable{socket_.get(), POLLOUT, 0};
  if (phase_ != Phase::connecting || poll(&writable, 1, 0) != 1) return 0;
  int failure = 0;
  socklen_t size = sizeof failure;
  getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
  if (failure != 0) return next_address_ < addresses_.size() ? connect_to_next() : failure;
  return begin();
}

int SocketWire::receive(std::vector<std::string>& messages) {
  if (failure_ == 0) failure_ = go_on();
  if (failure_ == 0 && phase_ >= Phase::securing) {
    if (stream_ && phase_ != Phase::up) stream_->push();  // later on flush() does
    failure_ = read(messages);
  }
  return failure_;
}

int SocketWire::read(std::vector<std::string>& messages) {
  static thread_local const auto space = std::make_unique<std::array<char, kReadBytes>>();
  for (int reads = 0; reads < kMostReads; ++reads) {
    const ssize_t size = recv(socket_.get(), space->data(), space->size(), 0);
    if (size == 0) return ECONNRESET;
    if (size < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN ? send_failure_.load() : errno;
    }
    const std::string_view bytes(space->data(), static_cast<std::size_t>(size));
    if (const int failure = stream_ ? decrypt(bytes, messages) : take(bytes, messages))
      return failure;
    if (bytes.size() < space->size()) break;
  }
  return 0;
}

// A daemon that refuses us says so where its greeting would be, for by TLS 1.3 our part of the
// handshake is over before it has looked at our certificate.
int SocketWire::decrypt(std::string_view cipher, std::vector<std::string>& messages) {
  static thread_local std::string plain;
  plain.clear();
  stream_->receive(cipher, plain);
  const auto state = stream_->state();
  if (state == tls::Session::State::failed) {
    if (phase_ == Phase::up) return EPROTO;
    distrust_ = credentials_.words_of(stream_->fault(), url_);
    return EKEYREJECTED;
  }
  if (phase_ == Phase::securing && state != tls::Session::State::handshaking)
    if (const int failure = greet()) return failure;
  if (const int failure = take(plain, messages)) return failure;
  return state == tls::Session::State::ended ? ECONNRESET : 0;
}

int SocketWire::take(std::string_view bytes, std::vector<std::string>& messages) {
  if (phase_ == Phase::greeting) {
    const std::size_t part = std::min(sp::kHelloBytes - hello_.size(), bytes.size());
    hello_.append(bytes.substr(0, part));
    bytes.remove_prefix(part);
    // At the first byte that is wrong: what speaks another protocol may wait for us to speak.
    const std::string expected = sp::hello(opposite(role_));
    if (!expected.starts_with(hello_)) return EPROTO;
    if (hello_.size() < expected.size()) return 0;
    if ((distrust_ = objection_to_token())) return EPERM;
    phase_ = Phase::up;
  }
  return splitter_.take(bytes, messages) == sp::Splitter::Fault::none ? 0 : EPROTO;
}

// Only now: a connection that nobody has accepted yet is nobody's.
std::optional<std::string> SocketWire::objection_to_token() const {
  const bool in_clear = carrier_ == sp::Carrier::stream && !stream_;
  if (!in_clear || role_ != sp::Role::req || !credentials_.have_token()) return std::nullopt;
  return peers_.objection_to_token(socket_.get(), url_);
}

// As sendmsg(), of both parts.
ssize_t SocketWire::put(std::string_view first, std::string_view second) {
  if (stream_) return stream_->send(first, second);
  iovec parts[2] = {{const_cast<char*>(first.data()), first.size()},
                    {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  return sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
}

bool SocketWire::has_unsent() const {
  return sent_ < unsent_.size() || (stream_ && stream_->has_unsent());
}

int SocketWire::send(std::string_view word, std::string_view body) {
  if (send_failure_ != 0) return send_failure_;
  const sp::Header header = sp::header(carrier_, word.size() + body.size());
  std::string begin(header.view());
  begin += word;
  std::size_t sent = 0;
  if (unsent_.empty()) {
    const ssize_t result = put(begin, body);
    if (result >= 0) {
      sent = static_cast<std::size_t>(result);
      if (sent == begin.size() + body.size()) return 0;
    } else if (errno != EAGAIN && errno != EINTR) {
      // What the peer said before it left is still to be read: the reader finds the end.
      return send_failure_ = errno;
    }
  }
  if (unsent_.size() - sent_ + begin.size() + body.size() > kMostUnsent) return ENOBUFS;
  if (sent < begin.size()) unsent_ += begin.substr(sent);
  unsent_ += body.substr(sent > begin.size() ? sent - begin.size() : 0);
  return 0;
}

void SocketWire::flush() {
  if (stream_) stream_->push();
  while (sent_ < unsent_.size()) {
    const ssize_t size = put(std::string_view(unsent_).substr(sent_), {});
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != EAGAIN) send_failure_ = errno;
    if (size < 0) break;
    sent_ += static_cast<std::size_t>(size);
  }
  const bool over = sent_ == unsent_.size() || send_failure_ != 0;
  if (!over && sent_ < kMostBehind) return;
  unsent_.erase(0, over ? unsent_.size() : sent_);
  sent_ = 0;
}

}  // namespace domed
