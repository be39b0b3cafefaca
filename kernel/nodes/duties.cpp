#include "nodes/duties.h"

namespace domed {

DutyStep duty_step(std::string_view holder, std::chrono::milliseconds unrenewed,
                   std::string_view epoch, Standing standing, bool is_draining,
                   const ClusterTimes& times) {
  const bool is_ours = !holder.empty() && holder == epoch;
  if (standing != Standing::fresh || is_draining)
    return is_ours ? DutyStep::release : DutyStep::leave;
  if (is_ours) return DutyStep::renew;
  return holder.empty() || unrenewed >= times.ttl ? DutyStep::acquire : DutyStep::leave;
}

}  // namespace domed
