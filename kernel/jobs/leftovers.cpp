#include "jobs/leftovers.h"

#include <dirent.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "system/process.h"

namespace domed {
namespace {

using Clock = std::chrono::steady_clock;
using Members = std::map<pid_t, ProcessStat>;

std::chrono::milliseconds left_until(Clock::time_point deadline) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
}

bool holds_one(pid_t pid, const std::set<std::string>& links) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd";
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(path.c_str()), closedir);
  if (!dir || links.empty()) return false;
  while (const dirent* entry = readdir(dir.get())) {
    char target[64];
    const ssize_t size = readlinkat(dirfd(dir.get()), entry->d_name, target, sizeof target);
    if (size > 0 && links.contains(std::string(target, static_cast<std::size_t>(size))))
      return true;
  }
  return false;
}

// By what the processes of one run are known.
class Trail {
 public:
  Trail(const RunDir& dir, const std::string& run_id) : mark_("DOMED_RUN_ID=" + run_id) {
    const auto command = dir.command();
    if (!command) return;
    leader_ = command->process;
    for (const auto inode : command->pipes) pipes_.insert("pipe:[" + std::to_string(inode) + "]");
  }

  Members members() const {
    Members out;
    const Snapshot all = process_snapshot();
    const auto leader = all.find(leader_.pid);
    const bool own_session =
        leader_.pid > 0 && (leader == all.end() || leader->second.start_time == leader_.start_time);
    for (const auto& [pid, stat] : all)
      if (pid != getpid() && is_alive(stat) && owns(pid, stat, own_session)) out[pid] = stat;
    return out;
  }

  // The whole group at once outruns what forks faster than it is counted.
  void kill_group(const Members& members) const {
    const auto in_group = [&](const auto& item) { return item.second.group == leader_.pid; };
    const auto witness = std::find_if(members.begin(), members.end(), in_group);
    if (leader_.pid <= 1 || witness == members.end()) return;
    const Fd alive = open_process({witness->first, witness->second.start_time});
    if (alive) kill(-leader_.pid, SIGKILL);
  }

 private:
  bool owns(pid_t pid, const ProcessStat& stat, bool own_session) const {
    if (has_variable(pid, mark_)) return true;
    if (leader_.pid == 0 || stat.start_time < leader_.start_time) return false;
    return (own_session && stat.session == leader_.pid) || holds_one(pid, pipes_);
  }

  const std::string mark_;
  Process leader_;  // pid 0: nothing is known of it
  std::set<std::string> pipes_;
};

}  // namespace

Leftovers kill_leftovers(const RunDir& dir, const std::string& run_id,
                         std::chrono::milliseconds limit) {
  const Trail trail(dir, run_id);
  const auto deadline = Clock::now() + limit;
  Leftovers out;
  for (auto members = trail.members(); !members.empty(); members = trail.members()) {
    out.alive.clear();
    for (const auto& member : members) out.alive.insert(member.first);
    if (Clock::now() >= deadline) return out;
    trail.kill_group(members);
    std::vector<Fd> dying;
    for (const auto& [pid, stat] : members) {
      dying.push_back(open_process({pid, stat.start_time}));
      if (!dying.back()) continue;
      syscall(SYS_pidfd_send_signal, dying.back().get(), SIGKILL, nullptr, 0);
      out.killed.insert(pid);
    }
    for (const auto& pidfd : dying)
      if (pidfd) wait_for_end(pidfd, left_until(deadline));
  }
  out.alive.clear();
  return out;
}

}  // namespace domed
