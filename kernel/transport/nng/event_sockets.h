#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "transport/nng/endpoints.h"
#include "transport/nng/socket.h"

namespace domed {

struct EventOptions {
  std::vector<Place> urls;
  ListenOptions listen;
  std::size_t shards = 1;    // 1 to 64
  std::size_t pipes = 4096;  // to each shard
};

// The PUB sockets that frames leave by, one per shard.  Thread-safe, but for
// close(), which must be the last call.
class EventSockets {
 public:
  // Claims the URLs, without listening yet.  Throws Error.
  explicit EventSockets(const EventOptions& options);
  ~EventSockets();
  EventSockets(const EventSockets&) = delete;
  EventSockets& operator=(const EventSockets&) = delete;

  // Listens.  Throws Error.
  void start();
  // Gives "frame" to every subscriber of the shard.  Never blocks: who lags by
  // more than 8192 frames loses the oldest, and finds out by the next.
  void send(std::size_t shard, Message frame);
  void close();

  std::size_t shards() const { return shards_.size(); }
  // The shard's addresses, one per transport; after start().
  std::vector<std::string> urls(std::size_t shard) const;
  // Of all shards, in order.
  std::vector<std::string> urls() const;
  // For the watchdog; valid until close().
  std::vector<Endpoint*> endpoints() const;
  std::size_t pipes() const;
  std::size_t pipes(std::size_t shard) const;

 private:
  struct Shard;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace domed
