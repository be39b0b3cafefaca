#pragma once

#include <functional>
#include <string>
#include <vector>

#include "jobs/context.h"
#include "jobs/step_outcome.h"
#include "log/job.h"

namespace domed {

// Takes a job from the queue to a living runner: claims it for this node, has its provenance
// collected, makes the run's directory, spawns.  A job that cannot be started ends as
// failed{spawn_error}; what the store refuses is thrown, and so is, with the job taken back, what
// the machine has no room for now: both may be tried again.
//
// The order is what a daemon can die between, without a command that runs twice or never:
//   "begins" told     Whoever plans knows the run before a commit can tell of it, an end included.
//   slot taken        Of a limited queue of several nodes: nothing has begun (shared_slots.h).
//   assigned          From here on a new daemon looks for a runner.  There is none, or it only
//                     begins: the job is taken back, and the token with it (recovery.h).
//   runner spawned    It lives: it is adopted.  It has died: nothing was executed, as above.
//   `running`         Taken only with the token and the provenance, in one commit; only when the
//                     runner has heard of that it executes the command.
// "control": URLs for the runner and the job.
StepOutcome launch(const JobsContext& context, const std::vector<std::string>& control,
                   const std::string& job_id, const std::function<void(const JobFixed&)>& begins);

}  // namespace domed
