#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "transport/engine.h"

namespace domed::native {

class Loop;

// PUB on plain sockets.  A frame is one buffer for all who get it, and leaves by the thread that
// sends it; who does not take it has a bounded queue, and loses all of that when it is full.
class Events : public EventEngine {
 public:
  explicit Events(const EventOptions& options);
  ~Events() override;
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  void start() override;
  void send(std::size_t shard, const SharedFrame& frame) override;
  void close() override;
  void look_again_at_identities() override;
  std::vector<Endpoint*> endpoints(std::size_t shard) const override;
  std::size_t pipes(std::size_t shard) const override;
  bool is_saturated(std::size_t shard) const override;
  std::uint64_t dropped() const override;

 private:
  class Shard;
  const std::shared_ptr<Loop> loop_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace domed::native
