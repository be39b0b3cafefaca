#pragma once

#include <functional>
#include <string>
#include <vector>

#include "jobs/context.h"
#include "jobs/outcome.h"
#include "log/job.h"

namespace domed {

// Takes a job from the queue to a living runner: collects its provenance, makes the run's
// directory, spawns.  A job that cannot be started ends as failed{spawn_error}; what the store
// refuses is thrown, and may be tried again.
//
// The order is: provenance committed, "begins" told, the runner spawned.  Its first commit can come
// before spawn returns, and whoever plans with it has to know the run by then.
// "control": URLs for the runner and the job.
Outcome launch(const JobsContext& context, const std::vector<std::string>& control,
               const std::string& job_id, const std::function<void(const JobFixed&)>& begins);

}  // namespace domed
