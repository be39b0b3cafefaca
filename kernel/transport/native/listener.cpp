#include <utility>  // which Boost 1.74 forgets

#include "transport/native/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "domed/error.h"
#include "protocol/endpoint.h"
#include "transport/listen_url.h"

namespace domed::native {
namespace {

constexpr int kBacklog = 4096;    // the system cuts it to its own bound
constexpr int kPeersAtOnce = 64;  // before others have their turn
// Without a descriptor for the peer that waits, the listener would be called again at once.
constexpr std::chrono::milliseconds kRest{100};

[[noreturn]] void refuse_listening(const std::string& url, int error) {
  if (error == EADDRINUSE)
    throw Error(Code::conflict, url +
                                    " is in use by another program: stop it or configure "
                                    "another address");
  throw Error(Code::io, "cannot listen on " + url + ": " + std::strerror(error) +
                            ": check the address and its permissions");
}

// The mode of the socket is that of its file, and is there from the first moment: a group gets its
// access afterwards.
Fd listen_ipc(const std::string& url, const std::string& path) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (!socket || ::fchmod(socket.get(), 0600) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(socket.get(), kBacklog) != 0)
    refuse_listening(url, errno);
  return socket;
}

Fd listen_tcp(const std::string& url) {
  const HostPort place = host_port(url).value_or(HostPort{});
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  if (const int failure = ::getaddrinfo(place.host.c_str(), place.port.c_str(), &hints, &found))
    throw Error(Code::invalid_argument, "cannot listen on " + url + ": " + ::gai_strerror(failure) +
                                            ": write an address of this machine");
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  const int yes = 1;
  Fd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      ::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(socket.get(), kBacklog) != 0)
    refuse_listening(url, errno);
  return socket;
}

int bound_port(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

Listener::Listener(std::shared_ptr<Loop> loop, const Place& place, const ListenOptions& options,
                   Take take)
    : loop_(std::move(loop)),
      take_(std::move(take)),
      url_(place.url),
      ipc_(ipc_path_of(url_).value_or(""), options.group),
      carrier_(!ipc_.path().empty() ? sp::Carrier::ipc
               : is_web(url_)       ? sp::Carrier::web
                                    : sp::Carrier::stream),
      timer_(loop_->context()) {
  if (ipc_.path().empty()) check_network_place(place);
}

// With the lock held.
void Listener::start() {
  Fd socket = carrier_ == sp::Carrier::ipc ? listen_ipc(url_, ipc_.path()) : listen_tcp(url_);
  ipc_.opened();
  if (carrier_ != sp::Carrier::ipc) url_ = with_port(url_, bound_port(socket.get()));
  socket_ = std::make_shared<Socket>(loop_->context(), socket.release());
  await(socket_);
}

void Listener::listen() {
  const std::lock_guard lock(mutex_);
  start();
}

bool Listener::in_place() const {
  const std::lock_guard lock(mutex_);
  return ipc_.in_place();
}

void Listener::relisten() {
  const std::lock_guard lock(mutex_);
  ipc_.prepare();
  if (socket_) socket_->close();
  socket_.reset();
  start();
}

std::string Listener::url() const {
  const std::lock_guard lock(mutex_);
  return url_;
}

void Listener::close() {
  const std::lock_guard lock(mutex_);
  if (!socket_) return;
  ipc_.remove();
  socket_->close();
  socket_.reset();
  timer_.cancel();
}

void Listener::await(const std::shared_ptr<Socket>& socket) {
  socket->async_wait(Socket::wait_read, [this, socket](const boost::system::error_code& failure) {
    if (!failure) accept(socket);
  });
}

// The listener is closed by others under the lock, so it is held while its number is used.
void Listener::accept(const std::shared_ptr<Socket>& socket) {
  for (int i = 0; i < kPeersAtOnce; ++i) {
    Fd peer;
    {
      const std::lock_guard lock(mutex_);
      if (socket != socket_) return;
      peer = Fd(::accept4(socket->native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!peer && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
        return rest(socket, errno);
      if (!peer && errno == EAGAIN) break;
      if (peer) short_of_descriptors_ = false;
    }
    if (!peer) continue;  // it left again
    ++arrivals_;
    take_(std::move(peer), carrier_);
  }
  const std::lock_guard lock(mutex_);
  if (socket == socket_) await(socket);
}

void Listener::rest(const std::shared_ptr<Socket>& socket, int error) {
  if (!std::exchange(short_of_descriptors_, true))
    spdlog::error("{} cannot take a connection: {}; tried again until it can", url_,
                  std::strerror(error));
  timer_.expires_after(kRest);
  timer_.async_wait([this, socket](const boost::system::error_code& failure) {
    if (failure) return;
    const std::lock_guard lock(mutex_);
    if (socket == socket_) await(socket);
  });
}

}  // namespace domed::native
