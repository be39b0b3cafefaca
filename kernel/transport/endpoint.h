#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace domed {

// One URL that a socket listens on, whoever the engine: ipc with an absolute path, tcp and ws on
// loopback only, tls+tcp and wss with a certificate anywhere.  Thread-safe.
class Endpoint {
 public:
  virtual ~Endpoint() = default;

  // Throws Error(conflict) when another program has the address.
  virtual void listen() = 0;
  // Whether clients that look for us find us: false where the socket's file or its
  // lock, or a directory on the way, was removed or replaced.  Only over ipc.
  virtual bool in_place() const = 0;
  // Listens anew where the listener died or is not in place.  Over ipc the
  // connections there are live on; over others they may end.  Throws Error, and leaves
  // all as it is, where another daemon or program has the place by now.
  virtual void relisten() = 0;

  // With the port that the system chose, where it was given as 0.
  virtual std::string url() const = 0;
  // Peers that came through the current listener so far.
  virtual std::uint64_t arrivals() const = 0;
  // Whether the listener can die without a sign, so that only a call tells.
  virtual bool may_go_deaf() const = 0;
};

}  // namespace domed
