#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "system/process.h"

namespace domed {

// {"pid":...,"start_time":...,"boot_id":...}
OrderedJson identity_json(const Process& process);

// All that "ancestor" started, and what those started, as "all" shows it.
std::set<pid_t> descendants(const Snapshot& all, pid_t ancestor);

// Everything that belongs to one run: all descendants of this process (which
// must be a child subreaper, so that orphans stay among them) and whatever
// carries "run_id" in its environment and started no earlier than "since".
// This process and the dead are not in it.
class ProcessTree {
 public:
  ProcessTree(std::string run_id, std::uint64_t since)
      : mark_("DOMED_RUN_ID=" + std::move(run_id)), since_(since) {}

  // What is alive now, but for what this process may not signal.
  std::vector<Process> members() const { return members_except(0); }

  // Sends "signal" to all members but those of process group "except"; returns
  // how many it reached.  One that forks meanwhile may leave a child behind:
  // repeat until 0.
  std::size_t signal(int signal, pid_t except = 0) const;

 private:
  std::vector<Process> members_except(pid_t group) const;

  std::string mark_;
  std::uint64_t since_;
};

}  // namespace domed
