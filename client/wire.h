#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/credentials.h"
#include "client/peer.h"
#include "protocol/sp/framing.h"

namespace domed {

// A longer message of a peer ends its connection.
inline constexpr std::size_t kMostMessageBytes = 16 << 20;

// One connection to one peer, from the first attempt to its end: it never comes back.
//
// One thread at a time works it: it alone calls receive(), with no lock held, and interest(),
// is_up() and distrust().  send(), flush() and has_unsent() are called by any thread, with the lock
// of the owner (client/connection.h) held.  Nothing here blocks.
class Wire {
 public:
  virtual ~Wire() = default;

  // What poll() is to wait for until receive() and flush() have something to do.
  virtual pollfd interest() const = 0;
  // Goes on with connecting, and adds the messages that are whole by now.  0, or the number (errno)
  // of the error that ended it.
  virtual int receive(std::vector<std::string>& messages) = 0;
  // Sends what send() could not, as far as that goes now.
  virtual void flush() {}
  virtual bool has_unsent() const { return false; }
  // Both sides have greeted each other, and nothing speaks against the peer.
  virtual bool is_up() const = 0;
  // Sends the message "word" (four bytes) followed by "body", or keeps it until flush(); only
  // once it is up.  0, or an error, after which receive() tells the end.
  virtual int send(std::string_view word, std::string_view body) = 0;
  // Why the peer is not one to talk to (client/peer.h, client/credentials.h), where that ended it.
  virtual std::optional<std::string> distrust() const { return std::nullopt; }
};

// 0, or the number of the error that "url" is no place to connect to.
int url_error(const std::string& url);

// Begins to connect, where url_error() says nothing.  Over ipc, tcp and TLS it is a socket of our
// own that speaks SP; all else goes by nng (client/nng/wire.h).  Throws Error.
std::unique_ptr<Wire> make_wire(const std::string& url, sp::Role role, const Peers& peers,
                                const Credentials& credentials);

}  // namespace domed
