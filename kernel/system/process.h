#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "system/fd.h"

namespace domed {

// Where a command without a PATH is looked for.
inline constexpr const char* kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

struct ProcessStat {
  char state = 0;
  pid_t ppid = 0, group = 0, session = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot
};

// A process, told apart from a later one with the same pid.
struct Process {
  pid_t pid = 0;
  std::uint64_t start_time = 0;
};

// Of the text of /proc/PID/stat; false where it is none (the process is gone).
bool parse_stat(std::string_view text, ProcessStat& out);

// start_time 0: there is no such process.
Process identify(pid_t pid);

// For how long it has been there, as the BootClock tells; of one that is gone, since the start of
// the machine.
std::chrono::milliseconds age_of(const Process& process);

std::string boot_id();

// Every process there is now.  Not one moment's picture: it is read one by one.
using Snapshot = std::map<pid_t, ProcessStat>;
Snapshot process_snapshot();

inline bool is_alive(const ProcessStat& stat) {
  return stat.state != 'Z' && stat.state != 'X';
}

// All that "ancestors" started, and what those started, as "all" shows it.
std::set<pid_t> descendants(const Snapshot& all, std::vector<pid_t> ancestors);

// "pid", what started it, and so on up.
std::set<pid_t> ancestors(const Snapshot& all, pid_t pid);

// The words that it was started with; empty where it does not tell.
std::vector<std::string> command_line(pid_t pid);

// Whether it runs as the user that this process runs as.
bool is_own(pid_t pid);

// What this process takes from the modes of files that it makes.
mode_t present_umask();

// Whether the process was started with "assignment" (NAME=VALUE) in its
// environment.
bool has_variable(pid_t pid, std::string_view assignment);

// A pidfd of exactly that process; empty where it is gone.
Fd open_process(const Process& process);

// Sends to exactly that process, whatever became of its pid.
bool send_signal(const Process& process, int signal);

// Returns when the process of "pidfd" has ended; false: "limit" passed first.
bool wait_for_end(const Fd& pidfd, std::chrono::milliseconds limit);

}  // namespace domed
