#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "deployment/expand.h"
#include "deployment/job_settings.h"
#include "deployment/listener.h"
#include "deployment/log_settings.h"
#include "deployment/node_credentials.h"
#include "deployment/tool.h"
#include "loader/manifest.h"
#include "loader/options.h"
#include "sealing/store_keys.h"

namespace domed {

// A plugin that the deployment names, with its checked options.
struct PluginUse {
  Manifest manifest;
  std::string place;  // "file:line:col" of its name in the deployment
  OptionValues options;
  std::chrono::milliseconds timeout{2000};  // provenance: a collector's time
};

struct RetentionSettings {
  std::chrono::milliseconds keep_finished = std::chrono::hours(24 * 30);
  std::int64_t keep_jobs = 100'000;
  std::uint64_t keep_bytes = 0;  // of event lines; 0: all
  std::chrono::milliseconds keep_tombstones = std::chrono::hours(24 * 90);
};

// What the daemons of one store agree on (kernel/nodes/cluster_times.h).
struct ClusterSettings {
  std::chrono::milliseconds ttl{15'000};
  std::optional<std::chrono::milliseconds> lost_after = std::chrono::minutes(10);  // none: never
  bool operator==(const ClusterSettings&) const = default;
};

// What a daemon starts from: a checked deployment file.  docs/configuration.md
// is the reference.  A plain value.
struct Deployment {
  std::filesystem::path file;  // absolute
  std::vector<Listener> control_listen, events_listen;
  std::string group;                  // may use the sockets over ipc; empty: their owner alone
  std::filesystem::path tokens_file;  // absolute; empty: there are no tokens
  std::vector<Tokens::Token> tokens;
  int event_shards = 1;
  bool nng = false;                 // serves ipc, tcp and ws instead of our own engine
  std::filesystem::path state_dir;  // absolute
  std::string node_name;            // empty: one made of the node's id
  NodeCredentials node_credentials;
  std::optional<ClusterSettings> cluster;          // it is one of several on its store
  std::vector<std::filesystem::path> plugin_path;  // absolute directories, in search order
  PluginUse store;
  std::filesystem::path store_key_file;  // absolute; empty: nothing is sealed
  StoreKeys store_keys;
  std::vector<PluginUse> provenance;  // in order
  JobSettings jobs;
  std::vector<ToolSpec> tools;
  std::vector<std::string> mask;  // patterns of what must not be stored (search/masks.h)
  RetentionSettings retention;
  LogSettings log;
  std::string metrics_listen;         // where probes are answered over HTTP; empty: nowhere
  std::vector<std::string> warnings;  // "file:line:col: text"
  // "file:line:col: " of keys that settings of all nodes may say instead (shared_settings.h).
  std::map<std::string, std::string> said_at = {};

  const ToolSpec* tool(std::string_view id) const;
};

// What a deployment depends on besides its file.
struct DeploymentContext {
  Variables variables = process_variables();
  std::filesystem::path installation;  // see this_installation()
  // Told of the keys that each section may have: for what describes them elsewhere, as
  // docs/deployment.schema.json does, and must not fall behind.
  Checker::Sections sections = nullptr;
};
DeploymentContext this_context();

// Reads and checks a deployment, the manifests it needs and the options it gives
// them; opens no library.  Throws domed::Error(invalid_argument) whose text has
// every problem, one "file:line:col: text" a line, sorted by place; not_found or
// io for a file that cannot be read.
Deployment load_deployment(const std::filesystem::path& file,
                           const DeploymentContext& context = this_context());

}  // namespace domed
