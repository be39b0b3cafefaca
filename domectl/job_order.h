#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/json.h"

namespace domed::ctl {

// The orders in which jobs are listed: the newest, the longest and what is at work first, names by
// their letters.
enum class Order { created, started, ended, took, state, name };
inline constexpr std::array<const char*, 6> kOrders{"created", "started", "ended",
                                                    "took",    "state",   "name"};
struct Ordering {
  Order by = Order::created;
  bool reversed = false;

  bool operator==(const Ordering&) const = default;
};
// One of kOrders.
Order order_named(std::string_view name);
bool is_before(const OrderedJson& a, const OrderedJson& b, Ordering how);

// As a list shows it: "held" and "paused" are fields beside another state to the daemon.
std::string state_of(const OrderedJson& job);
// What is at work comes first, what is over, from kRankOfEnded on, last.
int rank_of(const OrderedJson& job);
inline constexpr int kRankOfEnded = 4;

}  // namespace domed::ctl
