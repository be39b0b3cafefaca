#pragma once

#include <string>
#include <vector>

#include "runner/spec.h"

namespace domed {

// Between fork and exec only what is async-signal-safe may happen, and the runner
// has threads.  So a command with limits or a terminal is started in two steps: the
// runner starts its own program once more, as
//   domed-runner --exec MEMORY,CPU,OPEN_FILES,PROCESSES,TTY CGROUP FILE ARGV0 ARGV1...
// and that joins CGROUP (empty: none), limits itself, takes descriptor 0 as its terminal where TTY
// is 1, and becomes FILE.  Descriptor 3 is closed by that; where it failed, errno was written to
// it, as an int.
inline constexpr const char* kExecWord = "--exec";
inline constexpr int kExecStatus = 3;

std::vector<std::string> exec_command(const Limits& limits, bool tty, const std::string& file,
                                      const std::vector<std::string>& command);

// "argv" from MEMORY,... on.  Returns only where it failed.
int exec_limited(char** argv);

}  // namespace domed
