#include "system/process.h"

#include <dirent.h>
#include <poll.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "domed/error.h"
#include "system/boot_clock.h"

namespace domed {
namespace {

std::string proc_file(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

bool stat_of(pid_t pid, ProcessStat& out) {
  return parse_stat(read_if_there(proc_file(pid, "stat")), out);
}

// The value of "key" in /proc/PID/status; "" where there is none.
std::string status_of(const std::string& pid, const std::string& key) {
  const std::string status = '\n' + read_if_there("/proc/" + pid + "/status");
  const auto at = status.find('\n' + key + ":\t");
  if (at == std::string::npos) return "";
  const auto begin = at + key.size() + 3;
  return status.substr(begin, status.find('\n', begin) - begin);
}

}  // namespace

bool parse_stat(std::string_view text, ProcessStat& out) {
  const auto close = text.rfind(')');  // the name may hold anything, ") " included
  if (close == std::string_view::npos) return false;
  const std::string rest(text.substr(close + 1));
  unsigned long long start = 0;
  int ppid = 0, group = 0, session = 0;
  const int fields = std::sscanf(rest.c_str(),
                                 " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
                                 "%*d %*d %*d %llu",
                                 &out.state, &ppid, &group, &session, &start);
  out.ppid = ppid;
  out.group = group;
  out.session = session;
  out.start_time = start;
  return fields == 5;
}

Process identify(pid_t pid) {
  ProcessStat stat;
  return stat_of(pid, stat) ? Process{pid, stat.start_time} : Process{pid, 0};
}

// Linux counts both from the start of the machine, and both through its sleep.
std::chrono::milliseconds age_of(const Process& process) {
  static const auto ticks_per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  const std::chrono::milliseconds began(process.start_time * 1000 / ticks_per_second);
  const auto now = BootClock::now().time_since_epoch();
  return std::max(std::chrono::milliseconds(0),
                  std::chrono::duration_cast<std::chrono::milliseconds>(now) - began);
}

std::string boot_id() {
  std::string id = read_if_there("/proc/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

Snapshot process_snapshot() {
  Snapshot out;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (!proc) throw Error(Code::io, std::string("cannot list /proc: ") + std::strerror(errno));
  while (const dirent* entry = readdir(proc.get())) {
    const pid_t pid = std::atoi(entry->d_name);
    ProcessStat stat;
    if (pid > 0 && stat_of(pid, stat)) out[pid] = stat;
  }
  return out;
}

// One pass from the ancestors down: a fork bomb makes chains of thousands, and a
// walk up from each of them would be quadratic.
std::set<pid_t> descendants(const Snapshot& all, std::vector<pid_t> ancestors) {
  std::multimap<pid_t, pid_t> children;
  for (const auto& [pid, stat] : all) children.emplace(stat.ppid, pid);
  std::set<pid_t> out;
  while (!ancestors.empty()) {
    const auto [begin, end] = children.equal_range(ancestors.back());
    ancestors.pop_back();
    // The snapshot is not atomic: a reused pid could close a ring.
    for (auto child = begin; child != end; ++child)
      if (out.insert(child->second).second) ancestors.push_back(child->second);
  }
  return out;
}

std::set<pid_t> ancestors(const Snapshot& all, pid_t pid) {
  std::set<pid_t> out;
  for (auto it = all.find(pid); it != all.end() && out.insert(it->first).second;)
    it = all.find(it->second.ppid);
  return out;
}

std::vector<std::string> command_line(pid_t pid) {
  const std::string text = read_if_there(proc_file(pid, "cmdline"));
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

// Not by the owner of its files in /proc, which is root's where it is not dumpable.
bool is_own(pid_t pid) {
  unsigned real = 0, effective = 0;
  return std::sscanf(status_of(std::to_string(pid), "Uid").c_str(), "%u %u", &real, &effective) ==
             2 &&
         effective == geteuid();
}

// umask() itself cannot be asked without being changed, for all threads.
mode_t present_umask() {
  const std::string text = status_of("self", "Umask");
  return text.empty() ? 022 : static_cast<mode_t>(std::strtoul(text.c_str(), nullptr, 8));
}

bool has_variable(pid_t pid, std::string_view assignment) {
  const std::string environment = '\0' + read_if_there(proc_file(pid, "environ")) + '\0';
  return environment.find('\0' + std::string(assignment) + '\0') != std::string::npos;
}

Fd open_process(const Process& process) {
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
  if (pidfd && identify(process.pid).start_time != process.start_time) pidfd.reset();
  return pidfd;
}

bool send_signal(const Process& process, int signal) {
  const Fd pidfd = open_process(process);
  return pidfd && syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

bool wait_for_end(const Fd& pidfd, std::chrono::milliseconds limit) {
  pollfd ready{pidfd.get(), POLLIN, 0};
  return poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(limit.count(), 0))) > 0;
}

}  // namespace domed
