#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "console/waiting.h"
#include "system/fd.h"
#include "tls/openssl.h"

namespace domed::console {

// The bytes of one browser's connection, over TLS or not, of one thread.
class Wire {
 public:
  using Clock = std::chrono::steady_clock;

  // Owns "socket".  "context": TLS, of which the first bytes that are read or written shake hands;
  // null: none.
  Wire(int socket, SSL_CTX* context, Waiting& waiting);
  ~Wire();

  // Adds what comes next to "into"; false: nothing comes any more, or not until "until".
  bool read(std::string& into, Clock::time_point until);
  // False: it was not taken, or not as fast as whoever reads it would.
  bool write(std::string_view bytes);
  // Ends it so that the peer can read what was written, whatever it still sends.
  void finish();

  int socket() const { return socket_.get(); }
  const SSL* ssl() const { return ssl_.get(); }

 private:
  short missing(long result) const;
  bool wait(short events, Clock::time_point until) const;

  Fd socket_;
  Waiting& waiting_;
  tls::Owned<SSL> ssl_;
  Clock::duration waited_{};  // until it took what was written
  std::size_t written_ = 0;
};

}  // namespace domed::console
