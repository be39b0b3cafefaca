#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace domed::program {

using Clock = std::chrono::steady_clock;

// A program to run, and what it may take.
struct Command {
  std::string program;                   // absolute path
  std::vector<std::string> arguments;    // without the program's own name
  std::string directory;                 // where it starts
  std::vector<std::string> environment;  // NAME=value; nothing else is passed on
  Clock::time_point deadline;
  std::size_t max_out = 1 << 20;  // bytes of standard output; one more ends the program
  std::size_t max_err = 8 << 10;  // bytes of standard error kept; more is read and dropped
  // Gets standard output piece by piece; empty: it is kept in Outcome::out.
  std::function<void(std::string_view)> sink{};
};

struct Outcome {
  std::string error;     // why it could not be started or waited for; else empty
  int exit_status = -1;  // -1: it did not exit by itself
  int signal = 0;        // what killed it
  std::string out, err;
  bool timed_out = false;  // killed at the deadline
  bool truncated = false;  // killed at max_out

  bool ok() const { return error.empty() && exit_status == 0 && !timed_out && !truncated; }
};

// Runs "command" to its end in a process group of its own, with nothing open but
// /dev/null and two pipes, default signals and an empty signal mask.  Whatever
// of the group is left when it ends, or at the deadline, is killed; the program
// is always reaped.  Never forks: the host process has threads.  Thread-safe.
Outcome run(const Command& command);

}  // namespace domed::program
