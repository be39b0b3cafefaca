#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace domed {

// What the daemon asks for: DIR/spec.json.
struct Spec {
  std::string job_id, run_id, log_id;
  std::string producer_id, producer_token;  // of the runner itself
  std::string job_token;                    // of the job, for its own appends
  std::vector<std::string> control;         // at least one URL
  std::vector<std::string> command;         // at least one word
  std::string cwd;                          // absolute
  std::map<std::string, std::string> env;   // complete, but for DOMED_*
  std::chrono::milliseconds timeout{0};     // 0: none
  std::chrono::milliseconds cancel_grace{5000};
  std::chrono::milliseconds drain{2000};
  std::uint64_t max_output = std::uint64_t{1} << 30;
  std::uint64_t max_spool = std::uint64_t{64} << 20;  // unacknowledged; then the job waits
  bool durable = true;                                // the store outlives its daemon
  std::chrono::milliseconds give_up{604800000};
};

// Throws Error(invalid_argument) naming "source" and the key that is wrong.
Spec parse_spec(const std::string& json, const std::string& source);

// The job's environment as exec wants it: "NAME=value", DOMED_* added.
std::vector<std::string> job_environment(const Spec& spec);

}  // namespace domed
