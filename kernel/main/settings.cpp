#include "main/settings.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>

#include "base/version.h"
#include "deployment/listener.h"
#include "domed/support/hash.h"
#include "jobs/state_dir.h"
#include "nodes/place_lease.h"
#include "system/installation.h"
#include "system/process.h"

namespace domed {
namespace {

std::vector<Place> places(const std::vector<Listener>& listeners,
                          const std::vector<Doorway>& doors) {
  std::vector<Place> out;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const Listener& listener = listeners[i];
    Place& place = out.emplace_back(listener.url);
    place.origins = listener.origins;
    place.tls = doors.at(i).tls;
    place.access = doors[i].access;
  }
  return out;
}

ListenOptions listen_options(const Deployment& deployment) {
  ListenOptions options;
  options.group = deployment.group;
  if (deployment.nng) options.engine = Engine::nng;
  return options;
}

OrderedJson plugin_json(const Plugin& plugin) {
  const Manifest& manifest = plugin.manifest();
  return {{"name", manifest.name},
          {"kind", manifest.kind},
          {"version", manifest.version},
          {"abi", plugin.abi()},
          {"capabilities", manifest.capabilities},
          {"library_sha256", plugin.library_sha256()}};
}

}  // namespace

std::string node_name(const Deployment& deployment) {
  return deployment.node_name.empty() ? "n-" + node_id(deployment.state_dir).substr(0, 8)
                                      : deployment.node_name;
}

NodeWords node_words(const Deployment& deployment) {
  NodeWords words;
  words.node = node_id(deployment.state_dir);
  words.name = node_name(deployment);
  std::ifstream("/etc/machine-id") >> words.machine;
  words.boot = boot_id();
  words.place = place_of(deployment.state_dir);
  words.version = kVersion;
  words.formats = {JobHead::kOldestFormat, JobHead::kFormat};
  const auto served = deployment.jobs.served();
  words.queues = {served.begin(), served.end()};
  words.ttl = deployment.cluster->ttl;
  words.lost_after = deployment.cluster->lost_after.value_or(NodeWords::Span(0));
  return words;
}

// What several daemons on one store do not do yet is refused, so that nobody relies on it.
std::string cluster_problem(const Deployment& deployment) {
  if (!deployment.cluster) return "";
  const auto& abilities = deployment.store.manifest.capabilities;
  for (const char* needed : {"watch", "leases"})
    if (std::find(abilities.begin(), abilities.end(), needed) == abilities.end())
      return "cluster: " + deployment.store.manifest.name + " has no '" + needed +
             "': only one daemon can act on it, so leave 'cluster' out or use another store";
  return "";
}

OwnPolicy own_policy(const Deployment& deployment) {
  OwnPolicy policy;
  policy.node = node_id(deployment.state_dir);
  policy.allow_ad_hoc = deployment.jobs.allow_ad_hoc;
  policy.name = node_name(deployment);
  policy.queues = deployment.jobs.served();
  for (const auto& tool : deployment.tools) policy.tools[tool.id] = {sha256_hex(tool.contract)};
  return policy;
}

SharedSettings usable_settings(const Deployment& deployment, const std::string& text,
                               const std::string& file) {
  SharedSettings out = read_shared_settings(text, file, deployment.jobs.cancel_grace);
  if (const std::string problem = cluster_problem(under(deployment, out)); !problem.empty())
    throw Error(Code::unsupported, file + ": " + problem);
  return out;
}

ClusterTimes cluster_times(const Deployment& deployment) {
  return {deployment.cluster->ttl, deployment.cluster->lost_after, deployment.jobs.cancel_grace};
}

std::size_t sockets_of(const Deployment& deployment) {
  const auto kinds = [](const std::vector<Listener>& listeners) -> std::size_t {
    const auto tls =
        std::count_if(listeners.begin(), listeners.end(),
                      [](const Listener& listener) { return listener.tls.has_value(); });
    return (tls > 0) + (tls < static_cast<std::ptrdiff_t>(listeners.size()));
  };
  return kinds(deployment.control_listen) +
         kinds(deployment.events_listen) * static_cast<std::size_t>(deployment.event_shards);
}

ControlOptions control_options(const Deployment& deployment, const Doors& doors,
                               std::size_t pipes) {
  ControlOptions options;
  options.urls = places(deployment.control_listen, doors.control);
  options.listen = listen_options(deployment);
  // The sum of the bounds, so that neither held polls nor appends can take the contexts that a
  // cancel or a status needs.
  options.contexts = kPolls + kAppends + kOthers;
  options.pipes = pipes;
  return options;
}

EventOptions event_options(const Deployment& deployment, const Doors& doors, std::size_t pipes) {
  EventOptions options;
  options.urls = places(deployment.events_listen, doors.events);
  options.listen = listen_options(deployment);
  options.shards = static_cast<std::size_t>(deployment.event_shards);
  options.pipes = pipes;
  return options;
}

SchedulerConfig scheduler_config(const Deployment& deployment, const Inherited& inherited) {
  const JobSettings& jobs = deployment.jobs;
  SchedulerConfig config;
  config.runner = runner_program(deployment.cluster.has_value());
  config.node = node_id(deployment.state_dir);
  config.policy = own_policy(deployment);
  config.max_running = static_cast<std::size_t>(jobs.max_running);
  config.queues = jobs.queues;
  config.run.state_dir = deployment.state_dir;
  config.run.cancel_grace = jobs.cancel_grace;
  config.run.drain = jobs.drain;
  config.run.give_up = jobs.give_up;
  config.run.open_files = inherited.open_files;
  config.run.max_output = jobs.max_output;
  config.run.umask = jobs.umask.value_or(inherited.umask);
  config.run.cgroup = jobs.cgroup;
  config.run.mask = deployment.mask;
  const NodeCredentials& node = deployment.node_credentials;
  config.run.node_ca = node.ca, config.run.node_cert = node.cert, config.run.node_key = node.key;
  config.run.node_token = node.token_file;
  for (const auto& name : jobs.env_allowlist)
    if (const char* value = std::getenv(name.c_str())) config.run.environment[name] = value;
  config.retention.keep_finished = deployment.retention.keep_finished;
  config.retention.keep_bytes = deployment.retention.keep_bytes;
  config.retention.keep_jobs = static_cast<std::uint64_t>(deployment.retention.keep_jobs);
  config.retention.keep_tombstones = deployment.retention.keep_tombstones;
  return config;
}

SubmitRules submit_rules(const Deployment& deployment) {
  SubmitRules rules;
  rules.allow_ad_hoc = deployment.jobs.allow_ad_hoc;
  // Where there are several nodes each has another, and a key has to mean one job at all of them.
  if (!deployment.cluster)
    rules.own_user = "uid:" + std::to_string(geteuid()) + "@" + node_id(deployment.state_dir);
  rules.queues = deployment.jobs.served();
  if (deployment.cluster) rules.node = node_id(deployment.state_dir);
  return rules;
}

ToolMethods::Tools tools_of(const Deployment& deployment) {
  ToolMethods::Tools out;
  for (const auto& tool : deployment.tools) out[tool.id] = descriptor_of(tool);
  return out;
}

std::shared_ptr<const Masks> masks_of(const Deployment& deployment) {
  if (deployment.mask.empty()) return nullptr;
  return std::make_shared<const Masks>(std::vector<std::string>{}, deployment.mask);
}

ServiceConfig service_config(const Deployment& deployment, const std::string& epoch,
                             const std::vector<std::unique_ptr<OpenedPlugin>>& plugins) {
  ServiceConfig config;
  config.facts.epoch = epoch;
  config.facts.store_name = deployment.store.manifest.name;
  config.facts.node_id = node_id(deployment.state_dir);
  config.facts.node_name = node_name(deployment);
  for (const auto& opened : plugins) config.facts.plugins.push_back(plugin_json(opened->plugin()));
  config.facts.most_polls = kPolls;
  config.rules = submit_rules(deployment);
  config.tools = tools_of(deployment);
  config.masks = masks_of(deployment);
  config.most_appends = kAppends - kAppends / 5;  // and a quarter more for who has none under way
  // No one else can look into it, and a copy shows all that the store does.
  config.backup_directory = deployment.state_dir;
  return config;
}

}  // namespace domed
