#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace domed {

// A process for certain: a pid alone may be somebody else's by now.
struct Process {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // field 22 of /proc/PID/stat: clock ticks since boot
};

struct ProcessStat {
  char state = 0;
  pid_t ppid = 0, group = 0;
  std::uint64_t start_time = 0;
};

// Of the text of /proc/PID/stat; false where it is none (the process is gone).
bool parse_stat(std::string_view text, ProcessStat& out);

// start_time 0: there is no such process.
Process identify(pid_t pid);

std::string boot_id();

// {"pid":...,"start_time":...,"boot_id":...}, and "pgid" unless it is 0.
std::string identity_json(const Process& process, pid_t pgid = 0);

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
  bool is_marked(pid_t pid) const;

  std::string mark_;
  std::uint64_t since_;
};

}  // namespace domed
