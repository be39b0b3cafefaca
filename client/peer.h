#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <optional>
#include <string>

namespace domed {

// Whom this program talks to over ipc, where others may have laid out a socket that
// looks like the daemon's: daemons of its own user, of root, and of the one that
// DOMED_ENDPOINT_USER names (a name or a number).  Both the socket's directory and
// the process that listens there must be one of theirs; and over tcp and ws, where a token is all
// that says who asks, whoever has the port.
class Peers {
 public:
  // Throws Error(invalid_argument) where DOMED_ENDPOINT_USER names nobody.
  Peers();

  // Why nothing may be sent to "url", by its directory; nullopt: nothing is wrong.
  std::optional<std::string> objection(const std::string& url) const;
  // The same by whom the connected Unix socket "socket" leads to.
  std::optional<std::string> objection(int socket, const std::string& url) const;
  // Why no token may be sent by the TCP socket "socket", whose peer has greeted us.
  std::optional<std::string> objection_to_token(int socket, const std::string& url) const;
  // The same by the two ends of that connection; nullopt: one that is not known.
  std::optional<std::string> objection_to_token(const std::optional<sockaddr_storage>& theirs,
                                                const std::optional<sockaddr_storage>& ours,
                                                const std::string& url) const;

 private:
  bool are_trusted(uid_t user) const;

  std::optional<uid_t> named_;
};

// Why connecting to "url" failed with "error" (errno), in words that say what to look at.
std::string connect_failure(const std::string& url, int error);

}  // namespace domed
