#pragma once

#include <httplib.h>

#include <optional>
#include <string>

#include "console/head.h"
#include "console/waiting.h"
#include "console/wire.h"

namespace domed::console {

// What stands between the network and httplib: it hears every request to its end, within bounds of
// bytes and time, and httplib reads it from memory.  So httplib never meets what it does not bound
// (the lines and number of headers, bodies in chunks, the time that they take), and what it leaves
// unread of a request is never taken for the next one.
//
// A connection has a thread while it is open.  Where there are as many as there may be, the one
// that keeps us waiting longest is ended for the new one.
class Door : public httplib::Server {
 public:
  // "context": of TLS; null: none.
  Door(std::size_t most_connections, std::size_t most_body, tls::Owned<SSL_CTX> context);

  // Before stop(), which waits for all connections: ends those that have no answer under way.
  void end() { waiting_.end(); }

 private:
  bool process_and_close_socket(socket_t socket) override;
  std::optional<std::string> hear(Wire& wire, std::string& came);
  std::optional<std::string> refuse(Wire& wire, const Objection& objection);
  bool answer(Wire& wire, std::string request, bool last);

  const std::size_t most_body_;
  const tls::Owned<SSL_CTX> context_;
  Waiting waiting_;
};

}  // namespace domed::console
