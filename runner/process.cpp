#include "runner/process.h"

#include <unistd.h>

#include <set>

namespace domed {
namespace {

bool descends_from(const Snapshot& all, pid_t pid, pid_t ancestor) {
  std::set<pid_t> seen;  // the snapshot is not atomic: a reused pid could close a ring
  for (auto at = all.find(pid); at != all.end() && seen.insert(at->first).second;
       at = all.find(at->second.ppid))
    if (at->second.ppid == ancestor) return true;
  return false;
}

}  // namespace

OrderedJson identity_json(const Process& process) {
  return {{"pid", process.pid}, {"start_time", process.start_time}, {"boot_id", boot_id()}};
}

std::vector<Process> ProcessTree::members_except(pid_t group) const {
  std::vector<Process> out;
  const Snapshot all = process_snapshot();
  const pid_t self = getpid();
  for (const auto& [pid, stat] : all) {
    if (pid == self || !is_alive(stat) || (group != 0 && stat.group == group)) continue;
    const bool ours =
        descends_from(all, pid, self) || (stat.start_time >= since_ && has_variable(pid, mark_));
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
