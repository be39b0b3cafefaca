#include "transport/event_sockets.h"

#include <algorithm>

#include "domed/error.h"
#include "transport/native/events.h"
#include "transport/nng/events.h"

namespace domed {
namespace {

constexpr std::size_t kMostShards = 64;

std::size_t checked_shards(std::size_t shards) {
  if (shards < 1 || shards > kMostShards)
    throw Error(Code::invalid_argument, "events.shards is " + std::to_string(shards) +
                                            ": configure 1 to " + std::to_string(kMostShards));
  return shards;
}

}  // namespace

EventSockets::EventSockets(const EventOptions& options) : shards_(checked_shards(options.shards)) {
  for (Share& share : shares_of(options.urls, options.listen)) {
    EventOptions own = options;
    own.urls = std::move(share.places);
    if (share.engine == Engine::native)
      engines_.push_back(std::make_unique<native::Events>(own));
    else
      engines_.push_back(std::make_unique<NngEvents>(own));
  }
}

EventSockets::~EventSockets() = default;

void EventSockets::start() {
  for (const auto& engine : engines_) engine->start();
}

void EventSockets::send(std::size_t shard, const SharedFrame& frame) {
  for (const auto& engine : engines_) engine->send(shard, frame);
}

void EventSockets::close() {
  for (const auto& engine : engines_) engine->close();
}

void EventSockets::look_again_at_identities() {
  for (const auto& engine : engines_) engine->look_again_at_identities();
}

std::vector<std::string> EventSockets::urls(std::size_t shard) const {
  std::vector<std::string> result;
  for (const auto& engine : engines_)
    for (const Endpoint* endpoint : engine->endpoints(shard)) result.push_back(endpoint->url());
  return result;
}

std::vector<std::string> EventSockets::urls() const {
  std::vector<std::string> result;
  for (std::size_t shard = 0; shard < shards(); ++shard)
    for (auto& url : urls(shard)) result.push_back(std::move(url));
  return result;
}

std::vector<Endpoint*> EventSockets::endpoints() const {
  std::vector<Endpoint*> result;
  for (std::size_t shard = 0; shard < shards(); ++shard)
    for (const auto& engine : engines_)
      for (Endpoint* endpoint : engine->endpoints(shard)) result.push_back(endpoint);
  return result;
}

std::size_t EventSockets::pipes() const {
  std::size_t sum = 0;
  for (std::size_t shard = 0; shard < shards(); ++shard) sum += pipes(shard);
  return sum;
}

std::size_t EventSockets::pipes(std::size_t shard) const {
  std::size_t sum = 0;
  for (const auto& engine : engines_) sum += engine->pipes(shard);
  return sum;
}

bool EventSockets::is_saturated(std::size_t shard) const {
  return std::any_of(engines_.begin(), engines_.end(),
                     [&](const auto& engine) { return engine->is_saturated(shard); });
}

std::uint64_t EventSockets::dropped() const {
  std::uint64_t sum = 0;
  for (const auto& engine : engines_) sum += engine->dropped();
  return sum;
}

}  // namespace domed
