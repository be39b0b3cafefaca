#pragma once

#include <memory>
#include <string>

#include "tls/session.h"

namespace domed::tls {

// What a client trusts, and what it shows: files in PEM.
struct ClientFiles {
  std::string ca;         // the authorities of servers' certificates; empty: those of the system
  std::string cert, key;  // its own; both or neither
};

// The client's side of TLS.  Thread-safe.
class ClientContext {
 public:
  // Throws Error that names the file, the cause and what to do.
  explicit ClientContext(const ClientFiles& files);

  // "host" is a name, or an address without brackets, and the server's certificate must be for it.
  // Throws Error where it is none.
  std::unique_ptr<Session> connect(const std::string& host) const;

 private:
  std::shared_ptr<const Context> context_;
};

}  // namespace domed::tls
