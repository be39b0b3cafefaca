#pragma once

#include <sys/types.h>

#include <chrono>
#include <set>
#include <string>

#include "jobs/run_dir.h"

namespace domed {

struct Leftovers {
  std::set<pid_t> killed;
  std::set<pid_t> alive;  // could not be killed in time
};

// Kills what is left of a run whose runner is dead.  A process belongs to it
// that carries DOMED_RUN_ID="run_id" in its environment, or that began no
// earlier than the command of "dir" and is in the command's session or holds one
// of its pipes: an environment can be cleared, a session be left.
//
// Signals go through a pidfd after a second look, so that a recycled pid is never
// hit: the command's identity counts only with its boot id and start time, and
// its session only as long as no other process has its pid.  A process in an
// uninterruptible wait does not die; after "limit" it is reported.
Leftovers kill_leftovers(const RunDir& dir, const std::string& run_id,
                         std::chrono::milliseconds limit = std::chrono::seconds(3));

}  // namespace domed
