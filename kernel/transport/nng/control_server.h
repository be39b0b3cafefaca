#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/call.h"
#include "transport/nng/endpoints.h"

namespace domed {

struct ControlOptions {
  std::vector<Place> urls;
  ListenOptions listen;
  // Requests under way at once.  More than the bound on held polls, so that
  // those cannot keep other requests out.
  std::size_t contexts = 2048;
  std::size_t pipes = 4096;
  // A bigger request ends its connection.  Well above the protocol's limit, so
  // that a request a little too big still gets its E_TOO_LARGE.
  std::size_t max_request = 16 << 20;
  // A client that does not take a reply for so long is disconnected,
  std::chrono::milliseconds send_timeout{10'000};
  // or, where contexts run short and it holds many, one that took hardly any for so long.
  std::chrono::milliseconds patience{1000};
};

// The REP socket that requests arrive at.  Thread-safe.
class ControlServer {
 public:
  // Answers the request it came with.  To be called at most once, from any
  // thread, also after the server is gone (then it does nothing).  Dropped
  // without a call, the client gets no reply and the server goes on.
  using Reply = std::function<void(std::string)>;
  // Called on a thread of nng's, for many requests at once: it must not block.
  using Handler = std::function<void(std::string request, Peer peer, Reply reply)>;
  using PipeGone = std::function<void(std::uint32_t pipe)>;

  // Claims the URLs, without listening yet.  Throws Error.
  ControlServer(ControlOptions options, Handler handler);
  ~ControlServer();  // shutdown(0)
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // "gone" hears of every connection that ended, on a thread of nng's.
  void on_pipe_gone(PipeGone gone);
  // Listens.  Throws Error.
  void start();
  // No connection and no request is taken any more; replies may still go out
  // for "limit", then all connections end.  "gone" is not called after it.
  void shutdown(std::chrono::milliseconds limit);

  // Addresses as clients use them; after start().
  std::vector<std::string> urls() const;
  // For the watchdog; valid until shutdown.
  std::vector<Endpoint*> endpoints() const;
  std::size_t pipes() const;
  // Requests that were received and are not answered yet.
  std::size_t busy() const;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace domed
