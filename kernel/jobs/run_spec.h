#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "log/job.h"

namespace domed {

// What the deployment says of every run.
struct RunSettings {
  std::filesystem::path state_dir;
  std::chrono::milliseconds cancel_grace{5000}, drain{2000}, give_up{std::chrono::hours(24 * 7)};
  std::uint64_t max_output = 1u << 30;
  std::uint64_t open_files = 0;  // soft limit of a job that asks for none; 0: the daemon's
  std::uint32_t umask = 022;
  std::filesystem::path cgroup;  // runs get cgroups of their own below it; empty: none
  std::map<std::string, std::string> environment;  // the allowlist, as the daemon has it
  std::vector<std::string> mask;                   // patterns of what must not be stored
  // Files of who runners are to other nodes: of an authority, a certificate and its key, a token.
  // Empty: none.
  std::string node_ca, node_cert, node_key, node_token;
};

// The directory of one run (RunDir).
std::filesystem::path run_path(const RunSettings& settings, const std::string& run_id);

// Where a job without a cwd works.  An imported job's id may be any string,
// "../.." too: it never becomes a path.
std::filesystem::path scratch_dir(const RunSettings& settings, const std::string& job_id);

// Empty where the deployment names none.
std::filesystem::path cgroup_of(const RunSettings& settings, const std::string& run_id);

// Empty where an external job names none.
std::string working_dir(const RunSettings& settings, const JobFixed& job);

// The directories below which the working directory lies, where the request chose it of those that
// its tool accepts; nothing: the deployment or an operator did, and the path alone decides.  When
// the request was taken it may have led elsewhere than it does now, so that whoever enters it, or
// looks there, has to see what it opened.
std::optional<std::vector<std::string>> cwd_fence(const JobFixed& job);

// The variables that the job's command gets, but for those that its runner adds, and for the secret
// ones: what else is run for the job's sake (provenance/) has no use for those, and keeps what it
// prints.
std::map<std::string, std::string> job_environment(const RunSettings& settings,
                                                   const JobFixed& job);

// Those of "secret_env", the request's above the tool's.
std::map<std::string, std::string> secret_environment(const JobFixed& job);

// After which the command is ended; 0: never.
std::chrono::milliseconds timeout_of(const JobFixed& job);

// What only this start of the job knows.
struct RunIdentity {
  std::string log_id;
  std::string producer_id, token;    // of one runner and no other
  std::vector<std::string> control;  // URLs for the runner and the job
  bool durable = true;               // the store outlives its daemon
  bool fenced = false;               // others act on the store too: the run has its time told
  std::vector<std::string> others;   // and this is where they are
};

// What a runner is told of its run.  It holds tokens, so that no file may have it.
Json run_spec(const RunSettings& settings, const JobFixed& job, const RunIdentity& identity);

}  // namespace domed
