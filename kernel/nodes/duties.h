#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "domed/leases.h"
#include "nodes/cluster_times.h"

namespace domed {

// Duties are what one node does for all at a time: retention, taking over what dead nodes have
// left.  A duty is a lease, `duty/NAME`, whose holder is the epoch of the node that has it.  What
// is done under one is by compare and set, so that two nodes that believe to have it harm nothing.
inline constexpr std::string_view kDutyLease = "duty/";

enum class DutyStep {
  leave,    // nothing: it is another's
  acquire,  // try to get it; the engine says whether the former holder's time is over
  renew,
  release,  // another one may have it at once
};
// "holder" of the duty's lease; empty: nobody has it.  "unrenewed": for how long that has not been
// renewed, as the engine tells.
DutyStep duty_step(std::string_view holder, std::chrono::milliseconds unrenewed,
                   std::string_view epoch, Standing standing, bool is_draining,
                   const ClusterTimes& times);

// `queue/NAME/i` is a slot of a limited queue: its holder is a job's id, its text the node and the
// epoch that took it, before the claim.  It has no time of its own.
inline constexpr std::string_view kQueueLease = "queue/";

struct SlotsJob {
  bool is_there = false;  // not so where it was purged, or never made
  bool is_over = false;
  bool is_queued = false;
  bool is_claimed = false;  // queued, and a node's
};
enum class SlotStep {
  keep,
  free,
  // First a new revision of the job's record, so that a claim still under way conflicts; then the
  // slot, if the record is as that left it.
  fence_and_free,
};
// "taker_is_over": the lease of the epoch that took the slot is over, or it has another one now.
SlotStep slot_step(const SlotsJob& job, bool taker_is_over);

}  // namespace domed
