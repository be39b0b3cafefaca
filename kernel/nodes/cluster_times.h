#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace domed {

// The times that all nodes of one store agree on, and what follows from them.  That they are
// enough a model shows (docs/nodes.md).
struct ClusterTimes {
  using Span = std::chrono::milliseconds;

  Span ttl = std::chrono::seconds(15);                        // of a node's lease
  std::optional<Span> lost_after = std::chrono::minutes(10);  // nullopt: no run is ever given up
  Span cancel_grace = std::chrono::seconds(5);

  // Two renewals may be lost.
  Span renew_every() const { return ttl / 3; }
  // A held poll is answered by then, so that a runner hears what is left of the lease.
  Span poll_at_most() const { return ttl / 3; }

  // How long before a run may be given up its command begins to be ended: the grace that it then
  // has, the ttl that its node may be behind the last renewal, and a margin for clocks that do
  // not go alike and machines that stand still.  nullopt: no run is given up.
  std::optional<Span> stop_before() const;
  // What a runner is told: after this long, counted from when it asked, it ends its command unless
  // it was answered again; at once where it is not above zero.  "lease_left" of the node that
  // tells, which may be below zero.  nullopt: never.
  std::optional<Span> stop_in(Span lease_left) const;

  // What is wrong with these times; empty: nothing.
  std::string problem() const;
};

// What a node may do by its own lease, which is so old.  Each all that the next one may.
enum class Standing {
  fresh,     // it claims jobs, takes `running`, and has duties
  expiring,  // its lease is over: it begins nothing.  What runs goes on.
  stopping,  // what runs by its lease is being ended
  lost,      // what ran by its lease may be given up by others; or it never had one
};
// "sent": how long ago the last renewal was sent that is known to have been done; by a clock that
// goes on while the machine sleeps.  From the sending on, since the others count from when the
// store had it, which is later.  nullopt: none was.
Standing standing(std::optional<ClusterTimes::Span> sent, const ClusterTimes& times);

}  // namespace domed
