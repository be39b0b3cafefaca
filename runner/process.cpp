#include "runner/process.h"

#include <unistd.h>

#include <map>
#include <set>

namespace domed {

// One pass from the ancestor down: a fork bomb makes chains of thousands, and a
// walk up from each of them would be quadratic.
std::set<pid_t> descendants(const Snapshot& all, pid_t ancestor) {
  std::multimap<pid_t, pid_t> children;
  for (const auto& [pid, stat] : all) children.emplace(stat.ppid, pid);
  std::set<pid_t> out;
  for (std::vector<pid_t> next{ancestor}; !next.empty();) {
    const auto [begin, end] = children.equal_range(next.back());
    next.pop_back();
    // The snapshot is not atomic: a reused pid could close a ring.
    for (auto child = begin; child != end; ++child)
      if (out.insert(child->second).second) next.push_back(child->second);
  }
  return out;
}

OrderedJson identity_json(const Process& process) {
  return {{"pid", process.pid}, {"start_time", process.start_time}, {"boot_id", boot_id()}};
}

std::vector<Process> ProcessTree::members_except(pid_t group) const {
  std::vector<Process> out;
  const Snapshot all = process_snapshot();
  const pid_t self = getpid();
  const std::set<pid_t> below = descendants(all, self);
  for (const auto& [pid, stat] : all) {
    if (pid == self || !is_alive(stat) || (group != 0 && stat.group == group)) continue;
    const bool ours =
        below.contains(pid) || (stat.start_time >= since_ && has_variable(pid, mark_));
    const Process process{pid, stat.start_time};
    if (ours && send_signal(process, 0)) out.push_back(process);
  }
  return out;
}

std::size_t ProcessTree::signal(int signal, pid_t except) const {
  std::size_t reached = 0;
  for (const auto& process : members_except(except)) reached += send_signal(process, signal);
  return reached;
}

}  // namespace domed
