#pragma once

#include <functional>
#include <optional>
#include <string>

#include "jobs/context.h"
#include "jobs/deadlines.h"
#include "jobs/step_outcome.h"

namespace domed {

// Brings runs to their end, whatever became of their runners.

// Of a job whose runner is gone, or has not said yet who it is.
struct Ended {
  std::string job_id, run_id;
  bool well = false;  // the runner left nothing, and no doubt
};
// Another runner that lives is to be watched.  Else the lock keeps runners that only begin out,
// what the dead one left is killed, then its spool is imported, then the job finished, and the
// directory removed last, so that a daemon which dies in between finds all it needs to settle
// again. "verdict": what the deadlines say of the job, asked when its log is about to be finished.
StepOutcome settle(const JobsContext& context, const Ended& run,
                   const std::function<std::optional<Deadlines::Verdict>()>& verdict);

// Of a job whose runner should have ended it.
struct Overdue {
  std::string job_id, run_id;
  Process runner;  // the one that is watched; pid 0: none
  std::optional<Deadlines::Verdict> verdict;
};
// With its runner dead the job is settled as any other.  A runner that cannot be killed keeps
// the slot, but not the job.
void end_overdue(const JobsContext& context, const Overdue& run);

// Kills what runs of a run without a runner; "token" is the SHA-256 of the run's, none where the
// store does not know the run.  Returns what is to be said of processes that cannot be killed; ""
// for none.
std::string kill_rest(const JobsContext& context, const std::string& job_id,
                      const std::string& run_id, const std::optional<Digest>& token);

// A /proc that shows nobody the processes of others (hidepid) shows us no runner.
bool processes_are_hidden();

}  // namespace domed
