#include "client/wire.h"

#include <cerrno>

#include "client/nng/wire.h"
#include "client/socket_wire.h"
#include "protocol/endpoint.h"
#include "system/unix_socket.h"

namespace domed {

int url_error(const std::string& url) {
  if (const auto path = ipc_path_of(url))
    return path->starts_with('/') && path->size() <= kLongestSocketPath ? 0 : EADDRNOTAVAIL;
  const std::string scheme = url_scheme(url);
  if (scheme.empty()) return EINVAL;
  for (const char* known :
       {"tcp", "tcp4", "tcp6", "ws", "ws4", "ws6", "tls+tcp", "tls+tcp4", "tls+tcp6"})
    if (scheme == known) return 0;
  return EPROTONOSUPPORT;
}

std::unique_ptr<Wire> make_wire(const std::string& url, sp::Role role, const Peers& peers,
                                const Credentials& credentials) {
  if (url_scheme(url).starts_with("ws"))
    return std::make_unique<NngWire>(url, role, peers, credentials);
  return std::make_unique<SocketWire>(url, role, peers, credentials);
}

}  // namespace domed
