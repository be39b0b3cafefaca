#pragma once

#include <nng/nng.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "domed/error.h"

namespace domed {

// Throws Error(io) with nng's words for "result", unless it is 0.
void check_nng(int result, std::string_view what);

struct MessageDelete {
  void operator()(nng_msg* message) const { nng_msg_free(message); }
};
using Message = std::unique_ptr<nng_msg, MessageDelete>;

// A message whose body is "bytes".
Message make_message(std::string_view bytes);
inline std::string_view body(nng_msg* message) {
  return {static_cast<const char*>(nng_msg_body(message)), nng_msg_len(message)};
}

// An nng socket, closed at the end of its life.  Not to be made in a process
// that will fork without exec.
class Socket {
 public:
  using Opener = int (*)(nng_socket*);
  // "open" is nng_req0_open or one of its kin.
  explicit Socket(Opener open) { check_nng(open(&socket_), "cannot open a socket"); }
  Socket(Socket&& other) noexcept
      : socket_(std::exchange(other.socket_, nng_socket NNG_SOCKET_INITIALIZER)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(socket_, other.socket_);
    return *this;
  }
  ~Socket() { close(); }

  nng_socket get() const { return socket_; }
  void close() noexcept {
    if (nng_socket_id(socket_) > 0) nng_close(socket_);
    socket_ = NNG_SOCKET_INITIALIZER;
  }

 private:
  nng_socket socket_ = NNG_SOCKET_INITIALIZER;
};

}  // namespace domed
