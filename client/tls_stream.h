#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "tls/session.h"

namespace domed {

// TLS on a socket that does not block, for one thread that reads and any that write.
class TlsStream {
 public:
  // The client's part of the handshake begins at once.  The socket must outlive this.
  TlsStream(int socket, std::unique_ptr<tls::Session> session);

  // Takes what came over the socket, and adds it to "plain" in the clear.
  void receive(std::string_view cipher, std::string& plain);
  // As sendmsg() of both parts: how many bytes were taken, or -1 and errno.  What is taken goes out
  // before all else, by push() if need be.
  ssize_t send(std::string_view first, std::string_view second);
  // Sends what was taken.  0, or an error; EAGAIN where the system takes no more.
  int push();
  bool has_unsent() const;

  tls::Session::State state() const;
  tls::Fault fault() const;

 private:
  int push_all();

  const int socket_;
  mutable std::mutex mutex_;
  const std::unique_ptr<tls::Session> session_;
};

}  // namespace domed
