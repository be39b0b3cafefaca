#include "jobs/waiting.h"

#include <vector>

#include "base/units.h"

namespace domed {
namespace {

constexpr std::size_t kNeedsNamed = 5;

std::string needs_text(const std::set<std::string>& needs) {
  std::string out =
      needs.size() == 1 ? "it needs the success of job" : "it needs the success of jobs";
  std::size_t named = 0;
  for (const auto& id : needs) {
    if (named++ == kNeedsNamed)
      return out + " and " + std::to_string(needs.size() - kNeedsNamed) + " more";
    out += " " + id;
  }
  return out;
}

std::string start_text(const Waiting::Start& start) {
  if (!start.runner_for) return "it is being started: its provenance is collected";
  return "it is being started: its runner is there for " +
         std::to_string(start.runner_for->count()) +
         " s and has not reported yet that the command runs";
}

std::string slots_text(std::size_t most, const std::string& whose) {
  if (most == 0) return whose + " starts nothing for now: it has no slots";
  if (most == 1) return "the one slot of " + whose + " is taken";
  return "all " + std::to_string(most) + " slots of " + whose + " are taken";
}

}  // namespace

std::string Waiting::why() const {
  std::vector<std::string> reasons;
  const auto add = [&](bool holds, const std::string& reason) {
    if (holds) reasons.push_back(reason);
  };
  if (external) return "its producer has not reported yet that it runs";
  add(!trouble.empty(), "it could not be started and is tried again: " + trouble);
  if (start) {
    add(trouble.empty(), start_text(*start));
  } else {
    add(held, "it is held until it is released");
    add(!needs.empty(), needs_text(needs));
    add(not_before > now, "its time has not come: not before " + format_time(not_before));
    if (is_queue_full()) reasons.push_back(slots_text(*queue_limit, "the queue '" + queue + "'"));
    add(is_daemon_full(), slots_text(max_running, "the daemon (jobs.max_running)"));
    add(stopping, "the daemon is stopping and starts nothing more");
    add(draining, "this node is draining and starts nothing more");
    add(reasons.empty(), "it is about to be started");
  }
  std::string out;
  for (const auto& reason : reasons) out += (out.empty() ? "" : "; ") + reason;
  return out;
}

}  // namespace domed
