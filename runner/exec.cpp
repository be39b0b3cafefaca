#include "runner/exec.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "system/cgroup.h"

namespace domed {
namespace {

constexpr rlim_t kAfterWarning = 5;  // seconds from SIGXCPU to SIGKILL

// 0: leaves it.  A limit that is lower already stays.
void set_limit(__rlimit_resource resource, std::uint64_t value, rlim_t beyond = 0) {
  rlimit limit{};
  if (value == 0 || getrlimit(resource, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(value, limit.rlim_max);
  limit.rlim_max = std::min<rlim_t>(value + beyond, limit.rlim_max);
  setrlimit(resource, &limit);
}

bool join(const std::string& cgroup) {
  return write_control((cgroup + "/cgroup.procs").c_str(), std::to_string(getpid()).c_str());
}

int report(int error) {
  return write(kExecStatus, &error, sizeof error) == sizeof error ? 127 : 126;
}

}  // namespace

std::vector<std::string> exec_command(const Limits& limits, bool tty, const std::string& file,
                                      const std::vector<std::string>& command) {
  std::string numbers;
  const bool alone = limits.cgroup.empty();
  for (const std::uint64_t n :
       {alone ? limits.memory : 0, limits.cpu, limits.open_files, alone ? limits.processes : 0})
    numbers += std::to_string(n) + ",";
  numbers += tty ? "1" : "0";
  std::vector<std::string> out = {"domed-runner", kExecWord, numbers, limits.cgroup, file};
  out.insert(out.end(), command.begin(), command.end());
  return out;
}

int exec_limited(char** argv) {
  unsigned long long memory = 0, cpu = 0, open_files = 0, processes = 0;
  int tty = 0;
  if (!argv[0] || !argv[1] || !argv[2] || !argv[3] ||
      fcntl(kExecStatus, F_SETFD, FD_CLOEXEC) != 0 ||
      std::sscanf(argv[0], "%llu,%llu,%llu,%llu,%d", &memory, &cpu, &open_files, &processes,
                  &tty) != 5)
    return report(EINVAL);
  // First, so that all that happens from here on counts in it.
  if (*argv[1] && !join(argv[1])) return report(errno);
  if (tty && ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0) return report(errno);
  set_limit(RLIMIT_CPU, cpu, kAfterWarning);
  set_limit(RLIMIT_NPROC, processes);
  set_limit(RLIMIT_NOFILE, open_files);
  set_limit(RLIMIT_AS, memory);
  execv(argv[2], argv + 3);
  return report(errno);
}

}  // namespace domed
