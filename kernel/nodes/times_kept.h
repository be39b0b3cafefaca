#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "domed/leases.h"
#include "nodes/cluster_times.h"

namespace domed {

// The times of others that a node which starts has to live by, whatever it is told to.
struct TimesKept {
  ClusterTimes::Span ttl{0};
  std::optional<ClusterTimes::Span> lost_after;  // nullopt: never
  std::string name;                              // of a node that holds to them, or did
  bool lives = false;                            // it does
  // Else: until what was promised by them is over; nullopt: that has no end.
  std::optional<ClusterTimes::Span> left;
};

// All that tell a run how long it may go on, or count how long it was silent, must mean the same
// by lost_after.  So those who live at once have the same times: a node that starts takes theirs,
// or does not start (NodeLease::take), and one whose lease was over meanwhile comes back only to
// them (NodeLease::beat).
//
// When nobody lives others may be taken, but for what was promised: a run is over by the last
// renewal of who told it, + lost_after + back_in of that one, however long it has been cut off.  By
// a shorter lost_after it would be called lost before, and its retry run beside it (SHORTER of
// tests/models/runner.pml), wherever it is and whoever watches it by now: the last answer may have
// been lost.  So the longer time is kept until those promises are over, unless no job is assigned
// to a node:
//  - The youngest lease has the times that held last, and no promise by longer ones was left when
//    that node began, by this same rule.  Those of the same times have their own back_in.
//  - A run of which the record says nothing yet was claimed by a node that knew so while its lease
//    was fresh: before we found that none is.
// Longer ones may be taken at once: then a run ends sooner than it is called lost.
//
// "nodes": all leases, our own of a former life too, which is named "self".  "own": what we would
// live by.  "has_assigned": whether the store has such a job; asked only where that decides, after
// "nodes" were.  nullopt: nothing is kept.
std::optional<TimesKept> times_kept(const std::vector<Lease>& nodes, const std::string& self,
                                    const ClusterTimes& own,
                                    const std::function<bool()>& has_assigned);

}  // namespace domed
