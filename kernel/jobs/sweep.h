#pragma once

#include <map>
#include <string>
#include <vector>

#include "jobs/context.h"
#include "jobs/run_dir.h"
#include "jobs/runners.h"

namespace domed {

// What runs of jobs left that are over, or that the store does not know: their directories, and
// what still runs of them.

// A run that no unfinished job has, whose runner has not ended yet.  A runner ends by itself
// when it is told that its job is over or gone, and gets the time for that.
struct Stray {
  RunDir dir;
  std::vector<Process> runners;
};

// Removes what nobody needs, and returns the strays.  "runs": the job of each run that an
// unfinished job has, by its run id.  Whose run it is these say; what the directory itself says is
// asked only where a record cannot be read.
std::vector<Stray> sweep(const JobsContext& context, const Runners& living,
                         const std::map<std::string, std::string>& runs);

// Kills a stray that did not end in time, with all it started.
void end_stray(const JobsContext& context, Stray stray);

}  // namespace domed
