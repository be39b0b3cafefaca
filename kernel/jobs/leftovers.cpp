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

std::chrono::milliseconds left_until(Clock::time_point deadline) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
}

// Whether it has one of "links" open.
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
  Trail(const RunDir& dir, const std::string& run_id, const std::optional<Digest>& token)
      : mark_("DOMED_RUN_ID=" + run_id) {
    const auto command = dir.command(token);
    if (!command) return;
    leader_ = command->process;
    for (const auto inode : command->pipes) pipes_.insert("pipe:[" + std::to_string(inode) + "]");
  }

  Snapshot members(const Snapshot& all) const {
    Snapshot out;
    const auto leader = all.find(leader_.pid);
    const bool own_session =
        leader_.pid > 0 && (leader == all.end() || leader->second.start_time == leader_.start_time);
    auto reapers = ancestors(all, getpid());
    reapers.insert(1);
    std::vector<pid_t> found;
    for (const auto& [pid, stat] : all) {
      const bool in_session = own_session && stat.session == leader_.pid;
      if (pid == getpid() || stat.start_time < leader_.start_time) continue;
      if (in_session || (reapers.contains(stat.ppid) && is_marked(pid))) found.push_back(pid);
    }
    for (const pid_t pid : found) out.insert(*all.find(pid));
    for (const pid_t pid : descendants(all, found)) out.insert(*all.find(pid));
    return out;
  }

 private:
  bool is_marked(pid_t pid) const {
    return is_own(pid) && (has_variable(pid, mark_) || holds_one(pid, pipes_));
  }

  const std::string mark_;
  Process leader_;  // pid 0: nothing is known of it
  std::set<std::string> pipes_;
};

// Those groups of which there is no other process.  Through a pidfd of one of the group, so that
// it is still there.
void kill_groups(const Snapshot& all, const Snapshot& members) {
  std::set<pid_t> done;
  for (const auto& [pid, stat] : all)
    if (is_alive(stat) && !members.contains(pid)) done.insert(stat.group);
  for (const auto& [pid, stat] : members) {
    if (stat.group <= 1 || !done.insert(stat.group).second) continue;
    const Fd alive = open_process({pid, stat.start_time});
    if (alive) kill(-stat.group, SIGKILL);
  }
}

}  // namespace

Leftovers kill_all(const Members& members, std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  Snapshot all;
  const auto look = [&] {
    all = process_snapshot();
    Snapshot out = members(all);
    std::erase_if(out, [](const auto& item) { return !is_alive(item.second); });
    out.erase(getpid());
    return out;
  };
  Leftovers out;
  for (auto found = look(); !found.empty(); found = look()) {
    out.alive.clear();
    for (const auto& member : found) out.alive.insert(member.first);
    if (Clock::now() >= deadline) return out;
    kill_groups(all, found);
    std::vector<Fd> dying;
    for (const auto& [pid, stat] : found) {
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

Leftovers kill_leftovers(const RunDir& dir, const std::string& run_id,
                         const std::optional<Digest>& token, std::chrono::milliseconds limit) {
  const Trail trail(dir, run_id, token);
  return kill_all([&](const Snapshot& all) { return trail.members(all); }, limit);
}

}  // namespace domed
