#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "transport/engine.h"

namespace domed {

// A PUB socket for each shard: who lags by more than 8192 frames loses the oldest.
class NngEvents : public EventEngine {
 public:
  explicit NngEvents(const EventOptions& options);
  ~NngEvents() override;
  NngEvents(const NngEvents&) = delete;
  NngEvents& operator=(const NngEvents&) = delete;

  void start() override;
  void send(std::size_t shard, const SharedFrame& frame) override;
  void close() override;
  std::vector<Endpoint*> endpoints(std::size_t shard) const override;
  std::size_t pipes(std::size_t shard) const override;
  // nng tells neither.
  bool is_saturated(std::size_t) const override { return false; }
  std::uint64_t dropped() const override { return 0; }

 private:
  struct Shard;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace domed
