#include "jobs/retries.h"

#include "log/retry.h"
#include "protocol/api_error.h"

namespace domed {

void make_next_attempt(const JobsContext& context, const std::string& job_id) {
  const auto record = context.store.find(job_id);
  if (!record || record->tombstone) return;
  const JobHead head = head_of(*record);
  if (!head.retry_at) return;  // another node has made it
  Submission next = next_attempt(head, fixed_of(*record));
  next.fixed.run_id = context.environment.random_id();
  try {
    context.journal.run(next.fixed.job_id, [&](JobLog& log) { log.create(next); });
    context.log(Level::info,
                "job " + job_id + " failed and is tried again as " + next.fixed.job_id);
  } catch (const ApiError& e) {
    if (e.retryable()) throw;
    context.log(Level::error, "job " + job_id + " is not tried again: " + e.what());
  }
  context.journal.run(job_id, [](JobLog& log) { log.retried(); });
}

}  // namespace domed
