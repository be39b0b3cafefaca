#include "nodes/cluster_times.h"

#include <algorithm>

#include "base/units.h"

namespace domed {

using Span = ClusterTimes::Span;
using std::chrono::seconds;

std::optional<Span> ClusterTimes::stop_before() const {
  if (!lost_after) return std::nullopt;
  return cancel_grace + ttl + std::max<Span>(seconds(5), *lost_after / 100);
}

std::optional<Span> ClusterTimes::stop_in(Span lease_left) const {
  if (!lost_after) return std::nullopt;
  return lease_left + *lost_after - *stop_before();
}

std::string ClusterTimes::problem() const {
  if (ttl < seconds(1)) return "ttl is " + format_duration(ttl) + ", and must be 1 s at least";
  if (cancel_grace < Span(0)) return "cancel_grace is below zero";
  if (!lost_after || *lost_after > *stop_before()) return "";
  return "lost_after is " + format_duration(*lost_after) + ", and must be more than " +
         format_duration(*stop_before()) +
         ", which a run takes to end before it is given up: cancel_grace (" +
         format_duration(cancel_grace) + "), ttl (" + format_duration(ttl) +
         ") and the greater of 5 s and 1 %";
}

Standing standing(std::optional<Span> sent, const ClusterTimes& times) {
  if (!sent) return Standing::lost;
  if (*sent < times.ttl) return Standing::fresh;
  const auto stop_in = times.stop_in(times.ttl - *sent);
  if (!stop_in || *stop_in > Span(0)) return Standing::expiring;
  return *sent < *times.lost_after ? Standing::stopping : Standing::lost;
}

}  // namespace domed
