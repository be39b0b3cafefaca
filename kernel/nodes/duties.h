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

}  // namespace domed
