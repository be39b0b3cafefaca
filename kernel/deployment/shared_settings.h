#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "deployment/deployment.h"

namespace domed {

// What all nodes of a store hold to: a file with some sections of a deployment, which `domectl
// cluster apply` puts into the store.  A section that it has is that of every node; of one that it
// leaves out each node's own deployment holds.
struct SharedSettings {
  std::optional<ClusterSettings> cluster;
  std::optional<RetentionSettings> retention;
  std::optional<std::vector<std::string>> mask;
  // Limits of queues, jobs.queues: all of them, so that one which is not among them has none.
  std::optional<std::map<std::string, std::size_t>> queues;
};

// Reads and checks them, by the rules of a deployment; "file" is what problems are told with.
// Variables are not replaced, for each node has others.  "cancel_grace": of the node that asks, for
// the times must leave it.  Throws Error(invalid_argument) whose text has every problem.
SharedSettings read_shared_settings(const std::string& text, const std::filesystem::path& file,
                                    std::chrono::milliseconds cancel_grace);

// "deployment" as it holds with them.
Deployment under(Deployment deployment, const SharedSettings& settings);

// What it says beside them, and what does not hold: "file:line:col: KEY ...", with "revision" of
// the settings.
std::vector<std::string> ignored_under(const Deployment& deployment, const SharedSettings& settings,
                                       std::uint64_t revision);

// Sections that both have.  Problems go to "check".
ClusterSettings read_cluster_times(const YamlNode& place, Checker& check,
                                   std::chrono::milliseconds cancel_grace);
RetentionSettings read_retention(const YamlNode& place, Checker& check);
std::vector<std::string> read_masks(const YamlFields& fields, Checker& check);

}  // namespace domed
