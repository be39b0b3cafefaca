#include "bench/unix.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "system/unix_socket.h"

namespace domed::bench {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

Fd open_at(int (*action)(int, const sockaddr*, socklen_t), const std::filesystem::path& path) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket || !at_socket(action, socket, path.parent_path(), path.filename()))
    fail("the socket " + path.string());
  return socket;
}

}  // namespace

Fd listen_unix(const std::string& path) {
  Fd listener = open_at(::bind, path);
  if (::listen(listener.get(), SOMAXCONN) != 0) fail("the socket " + path);
  return listener;
}

Fd accept_unix(const Fd& listener) {
  Fd socket(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket) fail("accept");
  return socket;
}

Fd connect_unix(const std::string& path) {
  return open_at(::connect, path);
}

void send_all(const Fd& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0) fail("send");
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

std::string_view receive_some(const Fd& socket, char* bytes, std::size_t most) {
  const ssize_t size = recv(socket.get(), bytes, most, 0);
  if (size < 0) fail("receive");
  if (size == 0) throw std::runtime_error("receive: the peer has left");
  return {bytes, static_cast<std::size_t>(size)};
}

void receive_all(const Fd& socket, char* bytes, std::size_t size) {
  for (std::size_t got = 0; got < size;)
    got += receive_some(socket, bytes + got, size - got).size();
}

}  // namespace domed::bench
