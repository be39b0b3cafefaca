#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/troubles.h"
#include "log/environment.h"
#include "protocol/call.h"

namespace domed {

// What a daemon tells of itself.
struct DaemonFacts {
  std::string epoch, store_name, node_id, node_name;
  OrderedJson plugins = OrderedJson::array();
  bool can_backup = false;
  std::size_t most_polls = 2048;
  std::function<bool()> allow_ad_hoc = [] { return false; };
  std::function<std::vector<std::string>()> events_urls;  // of all event sockets
  // What is under way: counts that cost no more than a look.
  struct Work {
    std::size_t queued = 0, running = 0, clients = 0, subscribers = 0, held_polls = 0;
    std::int64_t oldest_s = 0;  // since the oldest that waits could start
    bool draining = false;
  };
  std::function<Work()> work = [] { return Work(); };
  std::function<std::string()> metrics = [] { return std::string(); };  // base/metrics.h
  // Frames that slow subscribers lost, ever; it does them no harm but time.
  std::function<std::uint64_t()> frames_lost = [] { return std::uint64_t{0}; };
  // Bytes left where the state_dir lies; nullopt: not known.
  std::function<std::optional<std::uint64_t>()> disk_free = [] {
    return std::optional<std::uint64_t>();
  };
  // Of one of several nodes, by name: how it hears the others, and what none of them starts.
  std::function<OrderedJson()> among_others = [] { return OrderedJson::object(); };
  std::function<std::vector<Troubles::Trouble>()> troubles = [] {
    return std::vector<Troubles::Trouble>();
  };
};

// Health, GetMetrics, WhoAmI and ListCapabilities: which daemon this is, how it fares, what it can
// do, and who asks.
// Thread-safe.
class FactMethods {
 public:
  FactMethods(DaemonFacts facts, Environment& environment)
      : facts_(std::move(facts)), environment_(environment) {}

  void health(Call call) const;
  void who_am_i(Call call) const;
  void get_metrics(Call call) const;
  void list_capabilities(Call call) const;

 private:
  const DaemonFacts facts_;
  Environment& environment_;
};

}  // namespace domed
