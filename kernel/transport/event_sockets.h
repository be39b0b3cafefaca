#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "transport/engine.h"

namespace domed {

// The sockets that frames leave by, one per shard: as many engines as their places need.
// Thread-safe, but for close(), which must be the last call.
class EventSockets {
 public:
  // Claims the URLs, without listening yet.  Throws Error.
  explicit EventSockets(const EventOptions& options);
  ~EventSockets();
  EventSockets(const EventSockets&) = delete;
  EventSockets& operator=(const EventSockets&) = delete;

  // As with EventEngine.
  void start();
  void send(std::size_t shard, const SharedFrame& frame);
  void close();
  void look_again_at_identities();

  std::size_t shards() const { return shards_; }
  // The shard's addresses, one per transport; after start().
  std::vector<std::string> urls(std::size_t shard) const;
  // Of all shards, in order.
  std::vector<std::string> urls() const;
  // For the watchdog; valid until close().
  std::vector<Endpoint*> endpoints() const;
  std::size_t pipes() const;
  std::size_t pipes(std::size_t shard) const;
  bool is_saturated(std::size_t shard) const;
  std::uint64_t dropped() const;

 private:
  const std::size_t shards_;
  std::vector<std::unique_ptr<EventEngine>> engines_;
};

}  // namespace domed
