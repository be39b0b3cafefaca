#pragma once

#include <nng/nng.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "transport/endpoint.h"
#include "transport/nng/socket.h"

namespace domed {

// One call to one listener, as a client would make it.  It is ended by closing its socket only:
// cancelling or timing out a receive is not safe in nng.
class Probe {
 public:
  // Sends "ping" to a control socket, or where it is empty listens for the next `daemon` frame.
  // "answered" is called once at most, on a thread of nng's, and not after the destructor.
  Probe(const Endpoint& endpoint, const std::string& ping, std::function<void()> answered);
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // Whether the listener brought a peer since: us, unless another came.
  bool arrived() const { return endpoint_.arrivals() != arrivals_; }

 private:
  void ask(const std::string& ping);
  void listen();
  void proceed();
  void receive_reply();

  const Endpoint& endpoint_;
  const std::function<void()> answered_;
  std::mutex mutex_;
  bool ending_ = false;
  Socket socket_;
  const nng_socket id_;  // for callbacks that run while socket_ is closed
  nng_aio* aio_ = nullptr;
  const std::uint64_t arrivals_;
  bool sending_ = false;
};

}  // namespace domed
