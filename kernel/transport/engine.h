#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "domed/error.h"
#include "protocol/call.h"
#include "transport/endpoint.h"
#include "transport/place.h"

namespace domed {

// What is asked of an engine.  Both must answer alike: tests/transport/ runs against each, and one
// is held against the other.

struct ControlOptions {
  std::vector<Place> urls;
  ListenOptions listen;
  // Requests under way at once: with nng of all connections, else of each.  More than
  // the bound on held polls, so that those cannot keep other requests out.
  std::size_t contexts = 2048;
  std::size_t pipes = 4096;
  // A bigger request ends its connection.  Well above the protocol's limit, so
  // that a request a little too big still gets its E_TOO_LARGE.
  std::size_t max_request = 16 << 20;
  // A client that does not take a reply for so long is disconnected,
  std::chrono::milliseconds send_timeout{10'000};
  // or, where nng's contexts run short and it holds many, one that took hardly any for so long.
  std::chrono::milliseconds patience{1000};
  // Within which a peer says its hello, the handshake of TLS before it included, and shows a role
  // from then on; nng has its own, and waits for a role as long as it takes.
  std::chrono::milliseconds hello{10'000};
};

// Answers the request it came with.  To be called at most once, from any
// thread, also after the server is gone (then it does nothing).  Dropped
// without a call, the client gets no reply and the server goes on.
using Reply = std::function<void(std::string)>;
// Called on a thread of the engine's, for many requests at once: it must not block, but for the
// commit of a request that came alone (Peer::alone).
using Handler = std::function<void(std::string request, Peer peer, Reply reply)>;
using PipeGone = std::function<void(std::uint32_t pipe)>;

// Takes requests and brings replies.  Thread-safe.
class ControlEngine {
 public:
  virtual ~ControlEngine() = default;

  // "gone" hears of every connection that ended, on a thread of the engine's.
  virtual void on_pipe_gone(PipeGone gone) = 0;
  // Listens.  Throws Error.
  virtual void start() = 0;
  // No connection and no request is taken any more; replies may still go out
  // for "limit", then all connections end.  "gone" is not called after it.
  virtual void shutdown(std::chrono::milliseconds limit) = 0;
  // Ends the connections of those who would not be let in any more, by the files, tokens and grants
  // of now: whose certificate is revoked, or of an authority that is no longer known, or whose
  // token or role is gone.
  virtual void look_again_at_identities() {}

  virtual std::vector<Endpoint*> endpoints() const = 0;  // valid until shutdown
  virtual std::size_t pipes() const = 0;
  // Requests that were received and are not answered yet.
  virtual std::size_t busy() const = 0;
};

struct EventOptions {
  std::vector<Place> urls;
  ListenOptions listen;
  std::size_t shards = 1;    // 1 to 64
  std::size_t pipes = 4096;  // to each shard
};

using SharedFrame = std::shared_ptr<const std::string>;

// Brings frames to all who listen at a shard.  Thread-safe, but for close(), which must be the
// last call.
class EventEngine {
 public:
  virtual ~EventEngine() = default;

  // Listens.  Throws Error.
  virtual void start() = 0;
  // Gives "frame" to every subscriber of the shard.  Never blocks: who lags too far behind loses
  // frames, the oldest first, and finds out by the next.
  virtual void send(std::size_t shard, const SharedFrame& frame) = 0;
  virtual void close() = 0;
  // As with ControlEngine.
  virtual void look_again_at_identities() {}

  virtual std::vector<Endpoint*> endpoints(std::size_t shard) const = 0;  // valid until close()
  virtual std::size_t pipes(std::size_t shard) const = 0;
  // Whether frames wait for a subscriber that is slower than they come.  False: not known.
  virtual bool is_saturated(std::size_t shard) const = 0;
  // Frames that subscribers lost, ever; 0 where the engine cannot tell.
  virtual std::uint64_t dropped() const = 0;
};

}  // namespace domed
