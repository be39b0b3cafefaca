#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/note.h"
#include "client/credentials.h"
#include "search/masks.h"

namespace domed {

// What each process of the job may use; 0: no limit of ours.
struct Limits {
  std::uint64_t memory = 0;      // bytes of address space
  std::uint64_t cpu = 0;         // seconds of processor time
  std::uint64_t open_files = 0;  // descriptors
  std::uint64_t processes = 0;   // of the user, whoever started them
  std::string cgroup;            // a directory; then it bounds memory and processes of the job
  bool any() const { return memory || cpu || open_files || processes || !cgroup.empty(); }
};

// The terminal that the command gets instead of pipes; 0 rows: none.
struct TerminalSize {
  std::uint16_t rows = 0, columns = 0;
};

// What the daemon asks for: a JSON object.
struct Spec {
  std::string job_id, run_id, log_id;
  std::string producer_id, producer_token;            // of the runner itself
  std::string job_token;                              // of the job, for its own appends
  std::vector<std::string> control;                   // at least one URL
  std::vector<std::string> command;                   // at least one word
  std::string cwd;                                    // absolute
  std::vector<std::string> cwd_below, stdin_below;    // where they must lie; empty: anywhere
  std::string stdin_path = "/dev/null", stdin_bytes;  // the latter unless it is empty
  std::map<std::string, std::string> env;             // complete, but for DOMED_*
  std::vector<std::string> secrets, mask;             // what must not be stored (search/masks.h)
  std::chrono::milliseconds timeout{0};               // 0: none
  std::chrono::milliseconds cancel_grace{5000};
  std::chrono::milliseconds drain{2000};
  std::uint64_t max_output = std::uint64_t{1} << 30;
  // Unacknowledged bytes; then the job waits.  More while the daemon is away.
  std::uint64_t max_spool = std::uint64_t{64} << 20, max_ahead = std::uint64_t{1} << 20;
  Limits limits;
  TerminalSize terminal;
  std::uint64_t open_files = 0;  // the job's soft limit; 0: the runner's own
  mode_t umask = 022;
  bool durable = true;  // the store outlives its daemon
  bool times = false;   // the daemon knows the "t" of events
  bool fenced =
      false;         // others act on the store too: the daemon says for how long the run may go on
  Credentials node;  // with which it goes to other nodes
  std::vector<std::string> others;  // where those are, until its own one tells anew
  bool progress_lines = false;      // PROGRESS:0.5 in the command's output is progress, too
  std::chrono::milliseconds give_up{604800000};
};

// Throws Error(invalid_argument) naming "source" and the key that is wrong.
Spec parse_spec(const std::string& json, const std::string& source);

// What must not be stored of the job's output: its secrets, its tokens, and what its deployment's
// patterns name.
Masks masks_of(const Spec& spec);

// The job's environment as exec wants it: "NAME=value", DOMED_* added.
std::vector<std::string> job_environment(const Spec& spec);

}  // namespace domed
