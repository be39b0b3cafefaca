#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "tls/client_context.h"

namespace domed {

// TLS on a socket that does not block, for one thread that reads and any that write.
class SecureStream {
 public:
  virtual ~SecureStream() = default;

  // The client's part of the handshake begins, over "socket", which must outlive this.  First of
  // all.
  virtual void begin(int socket) = 0;
  // Takes what came over the socket, and adds it to "plain" in the clear.
  virtual void receive(std::string_view cipher, std::string& plain) = 0;
  // As sendmsg() of both parts: how many bytes were taken, or -1 and errno.  What is taken goes out
  // before all else, by push() if need be.
  virtual ssize_t send(std::string_view first, std::string_view second) = 0;
  // Sends what was taken.  0, or an error; EAGAIN where the system takes no more.
  virtual int push() = 0;
  virtual bool has_unsent() const = 0;

  virtual tls::Session::State state() const = 0;
  virtual tls::Fault fault() const = 0;
};

// To a server whose certificate must be for "host".  Throws Error that says why there is none.
// Programs that link domed-client have it from tls_stream.cpp; those that link domed-client-parts
// alone give one of their own, and need no library of TLS, which takes a millisecond to load.
std::unique_ptr<SecureStream> make_secure_stream(const tls::ClientFiles& files,
                                                 const std::string& host);

}  // namespace domed
