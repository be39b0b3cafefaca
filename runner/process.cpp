#include "runner/process.h"

#include <dirent.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>

#include "common/json.h"
#include "runner/files.h"

namespace domed {
namespace {

using Snapshot = std::map<pid_t, ProcessStat>;

std::string proc_file(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

bool stat_of(pid_t pid, ProcessStat& out) {
  return parse_stat(read_if_there(proc_file(pid, "stat")), out);
}

Snapshot snapshot() {
  Snapshot out;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (!proc) throw_errno("cannot list /proc");
  while (const dirent* entry = readdir(proc.get())) {
    const pid_t pid = std::atoi(entry->d_name);
    ProcessStat stat;
    if (pid > 0 && stat_of(pid, stat)) out[pid] = stat;
  }
  return out;
}

bool descends_from(const Snapshot& all, pid_t pid, pid_t ancestor) {
  std::set<pid_t> seen;  // the snapshot is not atomic: a reused pid could close a ring
  for (auto at = all.find(pid); at != all.end() && seen.insert(at->first).second;
       at = all.find(at->second.ppid))
    if (at->second.ppid == ancestor) return true;
  return false;
}

bool is_alive(const ProcessStat& stat) {
  return stat.state != 'Z' && stat.state != 'X';
}

// Sends to exactly that process, whatever became of its pid.
bool send(const Process& process, int signal) {
  const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
  if (!pidfd || identify(process.pid).start_time != process.start_time) return false;
  return syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

}  // namespace

bool parse_stat(std::string_view text, ProcessStat& out) {
  const auto close = text.rfind(')');  // the name may hold anything, ") " included
  if (close == std::string_view::npos) return false;
  const std::string rest(text.substr(close + 1));
  unsigned long long start = 0;
  int ppid = 0, group = 0;
  const int fields = std::sscanf(rest.c_str(),
                                 " %c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
                                 "%*d %*d %*d %llu",
                                 &out.state, &ppid, &group, &start);
  out.ppid = ppid;
  out.group = group;
  out.start_time = start;
  return fields == 4;
}

Process identify(pid_t pid) {
  ProcessStat stat;
  return stat_of(pid, stat) ? Process{pid, stat.start_time} : Process{pid, 0};
}

std::string boot_id() {
  std::string id = read_if_there("/proc/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

std::string identity_json(const Process& process, pid_t pgid) {
  OrderedJson out = {
      {"pid", process.pid}, {"start_time", process.start_time}, {"boot_id", boot_id()}};
  if (pgid != 0) out["pgid"] = pgid;
  return out.dump() + "\n";
}

bool ProcessTree::is_marked(pid_t pid) const {
  const std::string environment = '\0' + read_if_there(proc_file(pid, "environ")) + '\0';
  return environment.find('\0' + mark_ + '\0') != std::string::npos;
}

std::vector<Process> ProcessTree::members_except(pid_t group) const {
  std::vector<Process> out;
  const Snapshot all = snapshot();
  const pid_t self = getpid();
  for (const auto& [pid, stat] : all) {
    if (pid == self || !is_alive(stat) || (group != 0 && stat.group == group)) continue;
    const bool ours =
        descends_from(all, pid, self) || (stat.start_time >= since_ && is_marked(pid));
    const Process process{pid, stat.start_time};
    if (ours && send(process, 0)) out.push_back(process);
  }
  return out;
}

std::size_t ProcessTree::signal(int signal, pid_t except) const {
  std::size_t reached = 0;
  for (const auto& process : members_except(except)) reached += send(process, signal);
  return reached;
}

}  // namespace domed
