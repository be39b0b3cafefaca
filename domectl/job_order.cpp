#include "domectl/job_order.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include "base/units.h"
#include "domectl/screen_line.h"
#include "domectl/table.h"

namespace domed::ctl {
namespace {

std::int64_t took_of(const OrderedJson& job) {
  const auto started = parse_time(field(job, "started_at"));
  if (!started) return -1;
  const auto ended = parse_time(field(job, "ended_at"));
  // What still runs is older than what is over: by its start alone, the other way round.
  return ended ? *ended - *started : INT64_MAX / 2 - *started / 2;
}

}  // namespace

Order order_named(std::string_view name) {
  const auto found = std::find(kOrders.begin(), kOrders.end(), name);
  return found == kOrders.end() ? Order::created : static_cast<Order>(found - kOrders.begin());
}

bool is_before(const OrderedJson& a, const OrderedJson& b, Ordering how) {
  if (how.reversed) return is_before(b, a, {how.by});
  const auto later = [&](const char* key) { return field(a, key) > field(b, key); };
  switch (how.by) {
    case Order::created:
      return later("created_at");
    case Order::started:
      return later("started_at");
    case Order::ended:
      return later("ended_at");
    case Order::took:
      return took_of(a) > took_of(b);
    case Order::state:
      return rank_of(a) < rank_of(b);
    case Order::name:
      return lower(field(a, "name")) < lower(field(b, "name"));
  }
  return false;
}

std::string state_of(const OrderedJson& job) {
  for (const char* stays : {"held", "paused"})
    if (job.value(stays, false)) return stays;
  return field(job, "state");
}

int rank_of(const OrderedJson& job) {
  static const std::map<std::string, int> kRanks{{"running", 0},
                                                 {"paused", 1},
                                                 {"queued", 2},
                                                 {"held", 3},
                                                 {"failed", kRankOfEnded},
                                                 {"canceled", kRankOfEnded + 1},
                                                 {"succeeded", kRankOfEnded + 2}};
  const auto found = kRanks.find(state_of(job));
  return found == kRanks.end() ? kRankOfEnded + 3 : found->second;
}

}  // namespace domed::ctl
