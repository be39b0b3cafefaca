#include "runner/standstill.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace domed {
namespace {

constexpr std::chrono::milliseconds kFirstLook{5}, kLastLook{1000};
// What was forked before its parent stopped is seen by a look that begins behind that.
constexpr int kQuietLooks = 2;

// All below this process, each behind what started it.
std::vector<pid_t> tree(const Snapshot& all) {
  std::multimap<pid_t, pid_t> children;
  for (const auto& [pid, stat] : all) children.emplace(stat.ppid, pid);
  std::vector<pid_t> out{getpid()};
  std::set<pid_t> seen{getpid()};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto [begin, end] = children.equal_range(out[i]);
    for (auto child = begin; child != end; ++child)
      if (seen.insert(child->second).second) out.push_back(child->second);
  }
  out.erase(out.begin());
  return out;
}

bool is_stopped(const ProcessStat& stat) {
  return stat.state == 'T' || stat.state == 't' || !is_alive(stat);
}

}  // namespace

void Standstill::hold() {
  if (frozen_ || (frozen_ = cgroup_.freeze(true))) return;
  quiet_looks_ = stop_members() ? quiet_looks_ + 1 : 0;
  // One that sleeps in the kernel may be long about it; it does nothing meanwhile.
  pause_ = std::clamp<Clock::duration>(pause_ * 2, kFirstLook, kLastLook);
  next_ = quiet_looks_ < kQuietLooks ? Clock::now() + pause_ : Clock::time_point::max();
}

// Whether all had stopped before this look.
bool Standstill::stop_members() {
  bool quiet = true;
  const Snapshot all = process_snapshot();
  for (const pid_t pid : tree(all)) {
    const ProcessStat& stat = all.at(pid);
    if (is_stopped(stat)) continue;
    const Process process{pid, stat.start_time};
    const bool told = std::any_of(stopped_.begin(), stopped_.end(), [&](const Process& one) {
      return one.pid == pid && one.start_time == stat.start_time;
    });
    // A parent in the midst of a vfork waits in the kernel for a child that may stand still already;
    // whatever a process waits for there, it stops before it is back in its program.
    if (told && stat.state == 'D') continue;
    // One of another user cannot be reached, as it could not be ended either.
    if (!told && !send_signal(process, SIGSTOP)) continue;
    if (!told) stopped_.push_back(process);
    quiet = false;
  }
  return quiet;
}

void Standstill::release() {
  if (std::exchange(frozen_, false)) cgroup_.freeze(false);
  for (auto process = stopped_.rbegin(); process != stopped_.rend(); ++process)
    send_signal(*process, SIGCONT);
  stopped_.clear();
  quiet_looks_ = 0;
  pause_ = {};
  next_ = Clock::time_point::max();
}

}  // namespace domed
