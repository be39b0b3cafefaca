#include "jobs/runners.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace domed {
namespace {

// Of a script the interpreter stands before it.
bool is_runner(const std::vector<std::string>& words, const std::string& program) {
  const auto name = [](const std::string& path) { return std::filesystem::path(path).filename(); };
  return (words.size() == 2 && name(words[0]) == name(program)) ||
         (words.size() == 3 && words[1] == program);
}

}  // namespace

Runners::Runners(const std::string& program) {
  for (const auto& [pid, stat] : process_snapshot()) {
    if (!is_alive(stat) || pid == getpid()) continue;
    const auto words = command_line(pid);
    if (is_runner(words, program) && is_own(pid))
      by_directory_.emplace(words.back(), Process{pid, stat.start_time});
  }
}

std::vector<Process> Runners::of(const RunDir& dir) const {
  std::vector<Process> out;
  const auto [begin, end] = by_directory_.equal_range(dir.path());
  for (auto it = begin; it != end; ++it) out.push_back(it->second);
  std::sort(out.begin(), out.end(),
            [](const Process& a, const Process& b) { return a.start_time < b.start_time; });
  return out;
}

Leftovers kill_run(const std::vector<Process>& runners, const Cgroup& cgroup,
                   std::chrono::milliseconds limit) {
  cgroup.kill();
  for (const auto& runner : runners) send_signal(runner, SIGSTOP);
  const auto find = [&](const Snapshot& all, bool themselves) {
    Snapshot out;
    std::vector<pid_t> found;
    for (const auto& runner : runners) {
      const auto it = all.find(runner.pid);
      if (it == all.end() || it->second.start_time != runner.start_time) continue;
      if (themselves) out.insert(*it);
      found.push_back(runner.pid);
    }
    for (const pid_t pid : descendants(all, found)) out.insert(*all.find(pid));
    return out;
  };
  Leftovers out = kill_all([&](const Snapshot& all) { return find(all, false); }, limit);
  Leftovers last = kill_all([&](const Snapshot& all) { return find(all, true); }, limit);
  out.killed.merge(last.killed);
  out.alive = std::move(last.alive);
  return out;
}

}  // namespace domed
