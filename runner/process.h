#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "system/process.h"

namespace domed {

// {"pid":...,"start_time":...,"boot_id":...}
Json identity_json(const Process& process);

// The tree of a run: all descendants of this process that live, which must be a child
// subreaper, so that orphans stay among them.  Without those of process group "except", and
// what this process may not signal.
std::vector<Process> tree_members(pid_t except = 0);

// Sends "signal" to all of them; returns how many it reached.  One that forks meanwhile may
// leave a child behind: repeat until 0.
std::size_t signal_tree(int signal, pid_t except = 0);

}  // namespace domed
