#include "nodes/own_policy.h"

#include <algorithm>

namespace domed {

std::string lacking(const OwnPolicy& policy, const Offered& job) {
  if (!job.wanted_node.empty() && !policy.is_called(job.wanted_node))
    return "is not the node " + job.wanted_node;
  if (policy.is_alone) return "";
  if (!policy.queues.contains(job.queue)) return "does not serve the queue '" + job.queue + "'";
  if (!job.accepted_by.empty() && job.accepted_by == policy.node) return "";
  if (job.tool.empty()) return policy.allow_ad_hoc ? "" : "allows no commands but its tools";
  const auto tool = policy.tools.find(job.tool);
  if (tool == policy.tools.end()) return "has no tool '" + job.tool + "'";
  const bool has_it = std::any_of(tool->second.begin(), tool->second.end(), [&](const auto& hash) {
    return !hash.empty() && job.contract.starts_with(hash);
  });
  return has_it ? "" : "has another tool '" + job.tool + "'";
}

}  // namespace domed
