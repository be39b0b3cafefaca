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

namespace domed {
namespace {

std::string proc_file(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

bool stat_of(pid_t pid, ProcessStat& out) {
  return parse_stat(read_if_there(proc_file(pid, "stat")), out);
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
