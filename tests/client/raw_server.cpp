#include "client/raw_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "protocol/endpoint.h"

namespace domed {

void RawPeer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

void RawPeer::say(std::string_view message) {
  send(std::string(sp::header(carrier_, message.size()).view()) + std::string(message));
}

bool RawPeer::read_some() {
  char bytes[65536];
  const ssize_t size = recv(socket_.get(), bytes, sizeof bytes, 0);
  if (size <= 0) return false;
  std::string_view text(bytes, static_cast<std::size_t>(size));
  const std::size_t part = std::min(sp::kHelloBytes - greeting_.size(), text.size());
  greeting_.append(text.substr(0, part));
  return splitter_.take(text.substr(part), messages_) == sp::Splitter::Fault::none;
}

bool RawPeer::hear_greeting() {
  while (greeting_.size() < sp::kHelloBytes)
    if (!read_some()) return false;
  return true;
}

std::optional<RawPeer::Request> RawPeer::next() {
  while (taken_ == messages_.size())
    if (!read_some()) return std::nullopt;
  const std::string message = std::move(messages_[taken_++]);
  return Request{message.substr(0, 4), message.substr(4)};
}

void RawPeer::echo() {
  greet();
  while (const auto request = next()) answer(*request, request->body);
}

void RawPeer::wait() {
  pollfd left{socket_.get(), POLLRDHUP, 0};
  while (poll(&left, 1, -1) < 0) {
  }
}

Fd raw_listener(std::string& url, int backlog) {
  if (const auto path = ipc_path_of(url)) {
    Fd made(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path->copy(address.sun_path, sizeof address.sun_path - 1);
    if (bind(made.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(made.get(), backlog) != 0)
      throw std::runtime_error("cannot listen at " + url);
    return made;
  }
  const auto colon = url.rfind(':');
  std::string host = url.substr(6, colon - 6);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  addrinfo wanted{};
  wanted.ai_flags = AI_NUMERICHOST | AI_PASSIVE;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), "0", &wanted, &found) != 0)
    throw std::runtime_error("cannot listen at " + url);
  Fd made(socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const bool listens =
      bind(made.get(), found->ai_addr, found->ai_addrlen) == 0 && listen(made.get(), backlog) == 0;
  freeaddrinfo(found);
  sockaddr_in6 address{};  // its port stands where that of IPv4 does
  socklen_t size = sizeof address;
  if (!listens || getsockname(made.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("cannot listen at " + url);
  url = url.substr(0, colon + 1) + std::to_string(ntohs(address.sin6_port));
  return made;
}

RawServer::RawServer(std::string url, Serve serve)
    : url_(std::move(url)), serve_(std::move(serve)), listener_(raw_listener(url_, 128)) {
  thread_ = std::thread([this] { accept_all(); });
}

RawServer::~RawServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const int socket : open_) shutdown(socket, SHUT_RDWR);
  }
  shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
  peers_.clear();
  if (const auto path = ipc_path_of(url_)) unlink(path->c_str());
}

void RawServer::accept_all() {
  const auto carrier = url_scheme(url_) == "ipc" ? sp::Carrier::ipc : sp::Carrier::stream;
  for (;;) {
    Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) return;
    ++connections_;
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    open_.push_back(socket.get());
    peers_.emplace_back([this, carrier, taken = std::move(socket)]() mutable {
      const int number = taken.get();
      RawPeer peer(std::move(taken), carrier);
      peer.carrier_ = carrier;
      serve_(peer);
      const std::lock_guard closing(mutex_);
      open_.erase(std::find(open_.begin(), open_.end(), number));
      peer.hang_up();
    });
  }
}

}  // namespace domed
