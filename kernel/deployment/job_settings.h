#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "yaml/yaml_fields.h"

namespace domed {

// The deployment's "jobs".
struct JobSettings {
  std::int64_t max_running = 4;
  bool allow_ad_hoc = false;
  std::chrono::milliseconds cancel_grace{5000};
  std::uint64_t max_output = std::uint64_t{1} << 30;               // bytes of one job's output
  std::chrono::milliseconds drain{2000};                           // pipes after the command's exit
  std::optional<std::uint32_t> umask;                              // none: the daemon's own
  std::filesystem::path cgroup;                                    // absolute; empty: none
  std::chrono::milliseconds give_up = std::chrono::hours(24 * 7);  // a runner without a daemon
  bool drain_at_shutdown = false;                                  // "shutdown: drain"
  std::vector<std::string> env_allowlist;                          // variables that jobs inherit
  std::map<std::string, std::size_t> queues;      // how many of a queue's jobs run at once
  std::optional<std::vector<std::string>> serve;  // the queues that it starts jobs of; none: all

  // The queues that it starts jobs of.
  std::set<std::string> served() const;
};

// The keys that the section may have.
extern const std::vector<std::string> kJobKeys;

// The section's "queues" alone.
std::map<std::string, std::size_t> read_queues(const YamlFields& jobs, Checker& check);

// Reads the section; problems go to "check".
JobSettings read_job_settings(const YamlFields& jobs, Checker& check);

}  // namespace domed
