#include "runner/process.h"

#include <unistd.h>

namespace domed {

Json identity_json(const Process& process) {
  return {{"pid", process.pid}, {"start_time", process.start_time}, {"boot_id", boot_id()}};
}

std::vector<Process> tree_members(pid_t except) {
  std::vector<Process> out;
  const Snapshot all = process_snapshot();
  // By descent, not by session or group: a command may change those, but not whose child it is.
  // Orphans of the tree come to this process, which is their subreaper.
  for (const pid_t pid : descendants(all, {getpid()})) {
    const ProcessStat& stat = all.at(pid);
    if (pid == getpid() || !is_alive(stat) || (except != 0 && stat.group == except)) continue;
    const Process process{pid, stat.start_time};
    // By way of a pidfd and the start time: between the snapshot and now the pid may have become
    // another's.
    if (send_signal(process, 0)) out.push_back(process);
  }
  return out;
}

std::size_t signal_tree(int signal, pid_t except) {
  std::size_t reached = 0;
  for (const auto& process : tree_members(except)) reached += send_signal(process, signal);
  return reached;
}

}  // namespace domed
