#include "console/waiting.h"

#include <sys/socket.h>

namespace domed::console {

// Whose socket is shut hears it where it waits, and closes it: only while its place is here is the
// number its own.
std::uint64_t Waiting::enter(int socket) {
  const std::lock_guard lock(mutex_);
  if (ended_) ::shutdown(socket, SHUT_RDWR);
  sockets_.emplace(++turns_, socket);
  return turns_;
}

void Waiting::leave(std::uint64_t turn) {
  const std::lock_guard lock(mutex_);
  sockets_.erase(turn);
}

bool Waiting::end_one() {
  const std::lock_guard lock(mutex_);
  if (sockets_.empty()) return false;
  ::shutdown(sockets_.begin()->second, SHUT_RDWR);
  sockets_.erase(sockets_.begin());
  return true;
}

void Waiting::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  for (const auto& [turn, socket] : sockets_) ::shutdown(socket, SHUT_RDWR);
}

}  // namespace domed::console
