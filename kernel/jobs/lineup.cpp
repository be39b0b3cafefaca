#include "jobs/lineup.h"

#include "base/units.h"
#include "log/retry.h"

namespace domed {

std::string queue_name(const JobFixed& job) {
  return job.request.value("queue", "default");
}

JobQueue::Job queue_job(const JobRecord& record, std::int64_t wall) {
  const JobHead head = head_of(record);
  const JobFixed fixed = fixed_of(record);
  JobQueue::Job job;
  job.id = record.job_id;
  job.queue = queue_name(fixed);
  job.priority = fixed.request.value("priority", 0);
  job.held = head.held;
  job.created = head.created;
  job.needs = fixed.request.value("depends_on", std::set<std::string>());
  job.backoff = backoff_left(head, fixed, wall);
  job.not_before = parse_time(fixed.request.value("not_before", "")).value_or(INT64_MIN);
  return job;
}

std::optional<JobQueue::Job> waiting_job(const Store& store, const std::string& job_id,
                                         std::int64_t wall, const OwnPolicy& policy,
                                         std::optional<Offered>* passed_over) {
  const auto record = store.find(job_id);
  if (!record || record->tombstone || record->columns.state != "queued") return std::nullopt;
  const JobHead head = head_of(*record);
  const JobFixed fixed = fixed_of(*record);
  if (why_not_here(head, fixed, policy).empty()) return queue_job(*record, wall);
  if (passed_over && !head.external && !head.held && head.node.empty())
    *passed_over = offered(fixed);
  return std::nullopt;
}

Offered offered(const JobFixed& fixed) {
  return {queue_name(fixed), fixed.tool_id(),
          fixed.tool.is_object() ? fixed.tool.value("contract_sha256", "") : "", fixed.accepted_by,
          fixed.request.value("node", "")};
}

std::string why_not_here(const JobHead& head, const JobFixed& fixed, const OwnPolicy& policy) {
  if (head.external && !policy.is_alone) return "its producer runs it";
  if (!head.node.empty() && head.node != policy.node && !policy.is_alone)
    return "it is being started by the node " + head.node;
  const std::string why = lacking(policy, offered(fixed));
  return why.empty() ? "" : "this node passes it over, for it " + why;
}

bool is_over(const JobRecord& record) {
  const auto state = parse_state(record.columns.state);
  return record.tombstone || (state && is_terminal(*state));
}

Need need_of(const Store& store, std::string job_id,
             const std::function<void(const std::string& id, const std::string& by)>& replaced) {
  for (bool is_made = true;;) {
    const auto record = store.find(job_id);
    // Its retry is due, and the commit that makes it is still to come.
    if (!record && !is_made) return {job_id, Need::Word::open};
    const bool failed = record && record->columns.state == "failed";
    const bool retry_is_due = failed && record->columns.unfinished;
    const std::string next = retry_id(job_id);
    if (!failed || !(retry_is_due || store.find(next))) {
      if (record && record->columns.unfinished) return {job_id, Need::Word::open};
      const bool succeeded = record && record->columns.state == "succeeded";
      return {job_id, succeeded ? Need::Word::succeeded : Need::Word::failed};
    }
    replaced(job_id, next);  // before its record is read: an end in between finds the need
    is_made = !retry_is_due;
    job_id = next;
  }
}

}  // namespace domed
