#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <set>
#include <string>

#include "jobs/run_dir.h"

namespace domed {

struct Leftovers {
  std::set<pid_t> killed;
  std::set<pid_t> alive;  // could not be killed in time
};

// Kills what is left of a run whose runner is dead.  "token" is the SHA-256 of the run's; none
// where the store does not know the run.  What is signalled has been proved to belong to the run:
//   - all in the session of the command, as the runner noted and signed it: nobody can enter
//     a session from outside;
//   - an orphan that carries DOMED_RUN_ID="run_id" in its environment, or began no earlier than
//     the command and holds one of its pipes: an environment can be cleared, a session be left;
//   - what these have started.
// An orphan's parent is the first process or above this one.  So nothing that another run or
// a person's shell started is hit, whatever a job writes into files or its own environment; a
// background process of the same user is, where it took the run's mark or a pipe from it.
//
// Signals go through a pidfd after a second look, so that a recycled pid is never
// hit: the command's identity counts only with its boot id and start time, and
// its session only as long as no other process has its pid.  A process in an
// uninterruptible wait does not die; after "limit" it is reported.
Leftovers kill_leftovers(const RunDir& dir, const std::string& run_id,
                         const std::optional<Digest>& token,
                         std::chrono::milliseconds limit = std::chrono::seconds(3));

// Kills what "members" finds in a picture of all processes, again and again until it finds
// none.  A group that has no other process is killed in one step: that outruns what forks faster
// than it is counted.
using Members = std::function<Snapshot(const Snapshot& all)>;
Leftovers kill_all(const Members& members, std::chrono::milliseconds limit);

}  // namespace domed
