#pragma once

#include <functional>
#include <optional>
#include <string>

#include "domed/store.h"
#include "jobs/job_queue.h"
#include "log/job.h"
#include "nodes/own_policy.h"

namespace domed {

// What the record of a job says about its place in the queue.  Reads the store, changes nothing.

// "wall": microseconds since 1970.  Throws Error(corruption) that names the job.
JobQueue::Job queue_job(const JobRecord& record, std::int64_t wall);

// nullopt: the job does not wait to be started, or not here, by the "policy" of this node:
// "passed_over" then gets what that decided on.
std::optional<JobQueue::Job> waiting_job(const Store& store, const std::string& job_id,
                                         std::int64_t wall, const OwnPolicy& policy,
                                         std::optional<Offered>* passed_over = nullptr);

// `OwnPolicy`: what keeps the node of "policy" from starting the job, or who has it; empty:
// nothing.
std::string why_not_here(const JobHead& head, const JobFixed& fixed, const OwnPolicy& policy);
Offered offered(const JobFixed& fixed);

// The queue that the job is for.
std::string queue_name(const JobFixed& job);

// Whether nobody has to bring the job to its end any more.
bool is_over(const JobRecord& record);

// What a job that needs "job_id" may expect of it.
struct Need {
  enum class Word { open, succeeded, failed };
  std::string job_id;  // of the last attempt, which decides
  Word word;
};
// To be called when the job that has the need is in the queue.  A failed attempt that is tried
// again hands the need on: "replaced" hears of each such step before the next attempt is looked at.
// So whichever attempt ends meanwhile, either its record says so here, or its commit finds the
// need.
Need need_of(const Store& store, std::string job_id,
             const std::function<void(const std::string& id, const std::string& by)>& replaced);

}  // namespace domed
