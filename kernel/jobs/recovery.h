#pragma once

#include <functional>
#include <optional>
#include <string>

#include "jobs/context.h"
#include "jobs/runners.h"
#include "log/job.h"

namespace domed {

// Taking up what an earlier daemon left: first each unfinished job, then, when their runs are
// settled, the directories that nobody needs (sweep.h).  Before the endpoints open, so that no
// client sees a job in between.

// What becomes of a job that an earlier daemon left unfinished.
enum class Takeover {
  drop,     // half an import: what came of it would be no whole copy
  retry,    // it failed, and its next attempt is to be made
  leave,    // its producer runs it
  line_up,  // it waits for its turn, as before, or again: it was assigned, and no run had begun
  settle,   // it has a run, whose runner lives or not
  others,   // another node has it (jobs/others.h)
};
// "may_run": whether a runner can have begun its run, asked for a job that is queued.
Takeover takeover_of(const JobHead& head, const std::function<bool()>& may_run);

struct Unfinished {
  Takeover what;
  JobHead head;
  JobFixed fixed;
};
// Decides, and clears away what is in the way: the job that is dropped, the directory of a run
// that never began.  nullopt: there is no such job.  "living": as they were before any began anew.
std::optional<Unfinished> take_over(const JobsContext& context, const Runners& living,
                                    const std::string& job_id);

}  // namespace domed
