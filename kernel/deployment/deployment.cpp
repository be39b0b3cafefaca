#include "deployment/deployment.h"

#include <grp.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>

#include "deployment/job_settings.h"
#include "deployment/shared_settings.h"
#include "deployment/store_key.h"
#include "deployment/tokens.h"
#include "deployment/who_may.h"
#include "domed/error.h"
#include "loader/plugin_path.h"
#include "probes/probes.h"
#include "protocol/endpoint.h"
#include "system/installation.h"
#include "system/trusted_path.h"
#include "transport/listen_url.h"

namespace domed {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

// Of the file's format, not of domed: a file that says it goes on meaning what it meant.
constexpr int kVersion = 1;
// A collector is told a quarter less than its time, and has to start a thread in it.
constexpr milliseconds kShortestCollection{10};

// Reads the sections in an order in which each finds what it needs: plugins are looked for along
// the plugin_path, and options of type "path" are relative to the state_dir.  A section that is
// wrong leaves its defaults behind, and the others are read all the same: one run shows every
// problem.
class DeploymentReader {
 public:
  DeploymentReader(Checker& check, const DeploymentContext& context, const YamlNode& root)
      : check_(check), context_(context), fields_(check, root, "", kKeys) {}

  Deployment run() {
    // Absolute from here on: a daemon's working directory may change, and the plugin_path is
    // relative to where the file lies.
    out_.file = std::filesystem::absolute(check_.file()).lexically_normal();
    read_beside("tokens", "the tokens", out_.tokens_file, out_.tokens, load_tokens);
    read_beside("store_key", "the store key", out_.store_key_file, out_.store_keys,
                load_store_keys);
    read_transport();
    read_sockets();
    read_state_dir();
    read_node();
    out_.plugin_path = plugin_dirs(fields_.texts("plugin_path", {"plugins"}),
                                   out_.file.parent_path(), context_.installation);
    read_store();
    read_provenance();
    read_jobs();
    if (const YamlNode* node = fields_.find("tools")) out_.tools = read_tools(*node, check_);
    out_.mask = read_masks(fields_, check_);
    read_metrics();
    if (const YamlNode* node = fields_.find("retention"))
      out_.retention = read_retention(*node, check_);
    read_cluster();
    note_places();
    out_.log = read_log_settings(section("log", kLogKeys), check_);
    return std::move(out_);
  }

 private:
  static inline const std::vector<std::string> kKeys{
      "domed", "control", "events",      "tokens",    "transport", "state_dir",
      "node",  "cluster", "plugin_path", "store",     "store_key", "provenance",
      "jobs",  "tools",   "mask",        "retention", "log",       "metrics"};

  // An absent section reads as an empty one.
  YamlFields section(const char* key, const std::vector<std::string>& known) {
    static const YamlNode kNone;
    const YamlNode* node = fields_.find(key);
    return {check_, node ? *node : kNone, key, known};
  }

  // It stands in listings and logs, beside other nodes' some day: short, and nothing to quote.
  void read_node() {
    const YamlFields node = section("node", {"name", "tls", "token"});
    out_.node_credentials = read_node_credentials(node, out_.file.parent_path(), check_);
    out_.node_name = node.text("name", "");
    const bool good =
        out_.node_name.size() <= 64 &&
        std::all_of(out_.node_name.begin(), out_.node_name.end(), [](char c) {
          return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
        });
    if (good) return;
    check_.fail(*node.find("name"),
                "node.name must be at most 64 letters, digits, '.', '-' and '_', is " +
                    in_quotes(out_.node_name));
  }

  void read_cluster() {
    const YamlNode* place = fields_.find("cluster");
    if (!place || place->kind == YamlNode::Kind::null) return check_alone();
    out_.cluster = read_cluster_times(*place, check_, out_.jobs.cancel_grace);
  }

  // Nobody else would start what it does not serve.
  void check_alone() {
    const YamlNode* jobs = fields_.find("jobs");
    const YamlNode* serve = jobs ? jobs->find("serve") : nullptr;
    if (serve && out_.jobs.serve)
      check_.fail(*serve,
                  "jobs.serve: this daemon has its store for itself, so it serves all its "
                  "queues: leave it out, or add 'cluster'");
  }

  void read_sockets() {
    if (const YamlNode* node = fields_.need("control")) {
      const YamlFields control(check_, *node, "control", {"listen", "group"});
      read_group(control);
      out_.control_listen = read_listen(control, Audience::control, 1);
      if (!out_.control_listen.empty() && !are_reached_by_runners(out_.control_listen))
        check_.fail(*node,
                    "the daemon's own runners could not report to it: add a listener over ipc, as "
                    "in ipc:///run/domed/control.ipc, or give one over tcp the roles "
                    "{producer: [anyone]}");
    }
    if (const YamlNode* node = fields_.need("events")) {
      const YamlFields events(check_, *node, "events", {"listen", "shards"});
      out_.event_shards = static_cast<int>(events.integer("shards", 1, 64, 1));
      out_.events_listen = read_listen(events, Audience::events, out_.event_shards);
    }
  }

  void read_transport() {
    out_.nng = fields_.choice("transport", {"native", "nng"}, "native") == "nng";
  }

  std::vector<Listener> read_listen(const YamlFields& fields, Audience audience, int shards) {
    std::vector<Listener> out;
    const YamlNode* list = fields.need("listen");
    if (!list) return out;
    const ListenerContext context{
        audience, shards, out_.group, out_.file.parent_path(), !out_.tokens_file.empty(), out_.nng};
    if (list->kind != YamlNode::Kind::list || list->items.empty())
      check_.fail(*list, fields.subject("listen") + " must be a list with at least one URL");
    for (const YamlNode& item : list->items) {
      if (item.bad || list->kind != YamlNode::Kind::list) continue;
      Listener listener = read_listener(item, context, check_);
      if (listener.url.empty()) continue;
      claim(item, listener.url, shards);
      check_way(item, listener.url);
      check_tokens(item, listener);
      check_files(item, listener, out, check_);
      out.push_back(std::move(listener));
    }
    return out;
  }

  // A second listener at one place would silently take the first one's clients.
  void claim(const YamlNode& item, const std::string& url, int shards) {
    for (const auto& place : listen_places(url, shards)) {
      const auto [owner, fresh] = listeners_.emplace(place, item.line);
      if (fresh) continue;
      return check_.fail(item, "cannot listen at " + in_quotes(place) + " twice; line " +
                                   std::to_string(owner->second) + " does already");
    }
  }

  // A file of secrets beside this one.
  template <class Value>
  void read_beside(const char* key, const std::string& what, std::filesystem::path& file,
                   Value& out, Value (*load)(const std::filesystem::path&)) {
    const std::string name = fields_.text(key, "");
    if (name.empty()) return;
    file = (out_.file.parent_path() / name).lexically_normal();
    try {
      out = load(file);
    } catch (const Error& e) {
      check_.fail(*fields_.find(key), what + " cannot be used:\n" + e.what());
    }
  }

  // A name that is misspelt in either place would be a door that never opens.
  void check_tokens(const YamlNode& item, const Listener& listener) {
    for (const Grant& grant : listener.grants) {
      const bool known =
          std::any_of(out_.tokens.begin(), out_.tokens.end(),
                      [&](const Tokens::Token& token) { return matches(grant.name, token.name); });
      if (grant.to == Grant::To::token && !known)
        check_.warn(item, listener.url + " has a role for the token " + in_quotes(grant.name) +
                              ", and none of " + out_.tokens_file.string() + " is called so");
    }
  }

  void check_way(const YamlNode& item, const std::string& url) {
    if (url_scheme(url) != "ipc") return;
    const auto directory = std::filesystem::path(url.substr(6)).parent_path();
    if (const auto why = weakness_of(directory))
      check_.fail(item, "the socket's directory " + directory.string() +
                            " could be replaced by others: " + *why +
                            ": use a directory of your own");
  }

  void read_group(const YamlFields& control) {
    // Looked up now, and again when the sockets are made: a misspelt name is a problem of the file,
    // told with its line, and not of a start at night.
    out_.group = control.text("group", "");
    if (!out_.group.empty() && !getgrnam(out_.group.c_str()))
      check_.fail(*control.find("group"),
                  "control.group: there is no group " + in_quotes(out_.group) + " on this machine");
  }

  void read_state_dir() {
    const std::string text = fields_.text("state_dir");
    if (!text.empty() && text[0] != '/')
      check_.fail(*fields_.find("state_dir"),
                  "state_dir must be an absolute path, is " + in_quotes(text));
    // Made absolute even where that was a problem, so that paths of options are told as they would
    // be.
    out_.state_dir = std::filesystem::path("/" + text).lexically_normal();
    if (text.empty() || text[0] != '/') return;
    // The store, the runs' directories and the scratch of jobs lie in it: who can replace it
    // replaces what was acknowledged (Durable).  It need not be there yet; its parents are looked
    // at then.
    if (const auto why = weakness_of(out_.state_dir))
      check_.fail(*fields_.find("state_dir"), "state_dir could be replaced by others: " + *why +
                                                  ": use a directory of your own");
  }

  void read_store() {
    const YamlNode* node = fields_.need("store");
    if (!node) return;
    const YamlFields store(check_, *node, "store", {"plugin", "options"});
    read_plugin(store, "store", out_.store);
    if (out_.store_key_file.empty() && (is_remote(out_.store.manifest) || fields_.find("cluster")))
      check_.warn(*node,
                  "there is no 'store_key': the values of env and stdin of all jobs can be "
                  "read by whoever reads what " +
                      out_.store.manifest.name +
                      " keeps; '(umask 077; openssl rand -hex 32 >store.key)' makes one, "
                      "the same for all nodes");
  }

  void read_provenance() {
    const YamlNode* node = fields_.find("provenance");
    if (!node || node->kind == YamlNode::Kind::null) return;
    if (node->kind != YamlNode::Kind::list)
      return check_.fail(*node, "provenance must be a list of maps with the key 'plugin'");
    std::set<std::string> seen;
    for (std::size_t i = 0; i < node->items.size(); ++i) {
      const YamlFields entry(check_, node->items[i], "provenance[" + std::to_string(i) + "]",
                             {"plugin", "options", "timeout"});
      PluginUse use;
      read_plugin(entry, "provenance", use);
      read_timeout(entry, use);
      // Its second answer would never be seen: of one field the first that is known counts.
      if (!use.manifest.name.empty() && !seen.insert(use.manifest.name).second)
        check_.fail(*entry.find("plugin"),
                    "provenance: the plugin " + in_quotes(use.manifest.name) + " is there twice");
      out_.provenance.push_back(std::move(use));
    }
  }

  // What the kernel waits.  A plugin that limits itself has said what it needs.
  void read_timeout(const YamlFields& entry, PluginUse& use) {
    const OptionSpec* own = use.manifest.option("timeout");
    // Options are only there to be asked where none of them was wrong.
    const bool limits_itself = own && own->type == OptionType::duration && check_.ok();
    if (limits_itself) use.timeout = use.options.duration("timeout");
    const milliseconds wanted = use.timeout;
    use.timeout = entry.duration("timeout", minutes(10), use.timeout);
    const YamlNode* node = entry.find("timeout");
    if (!node) return;
    if (use.timeout < kShortestCollection)
      check_.fail(*node, entry.subject("timeout") + " must be at least " +
                             write_duration(kShortestCollection) + ", is " + in_quotes(node->text));
    else if (limits_itself && use.timeout < wanted)
      check_.warn(*node, entry.subject("timeout") + " of " + write_duration(use.timeout) +
                             " holds, not the option 'timeout' of " + use.manifest.name + ", " +
                             write_duration(wanted));
  }

  void read_plugin(const YamlFields& fields, const std::string& kind, PluginUse& use) {
    const std::string name = fields.text("plugin");
    if (name.empty()) return;
    const YamlNode& at = *fields.find("plugin");
    use.place = check_.place(at.line, at.column);
    if (!read_manifest(at, use.manifest)) return;
    if (use.manifest.kind != kind)
      return check_.fail(at, in_quotes(name) + " is a " + use.manifest.kind +
                                 " plugin, needed is a " + kind + " plugin");
    use.options = check_options(use.manifest, fields.find("options"), at, out_.state_dir, check_);
  }

  bool read_manifest(const YamlNode& name, Manifest& manifest) {
    std::filesystem::path file;
    try {
      // Before its manifest is read: what it says is believed, and names the library that is
      // loaded.  The library itself is looked at when it is opened (loader/).
      file = find_plugin(name.text, out_.plugin_path);
      if (const auto why = weakness_of(file)) {
        check_.fail(name, "the manifest of " + in_quotes(name.text) +
                              " could be replaced by others, and would run as us: " + *why);
        return false;
      }
      manifest = load_manifest(file);
      return true;
    } catch (const Error& e) {
      // Errors of the manifest stand in another file, and keep their own places there, below the
      // line that led to it.
      const std::string context =
          file.empty() ? "" : "the manifest of " + in_quotes(name.text) + " is not valid:\n";
      check_.fail(name, context + e.what());
    }
    return false;
  }

  void read_jobs() { out_.jobs = read_job_settings(section("jobs", kJobKeys), check_); }

  void read_metrics() {
    const YamlFields metrics = section("metrics", {"listen"});
    out_.metrics_listen = metrics.text("listen", "");
    if (out_.metrics_listen.empty()) return;
    if (const auto problem = probes_address_problem(out_.metrics_listen); !problem.empty())
      check_.fail(*metrics.find("listen"),
                  "metrics.listen " + problem + ", is " + in_quotes(out_.metrics_listen));
  }

  // What the settings of all nodes may say instead.
  void note_places() {
    const auto note = [this](const YamlNode* node, const char* key) {
      if (node && node->kind != YamlNode::Kind::null)
        out_.said_at[key] = check_.place(node->line, node->column);
    };
    const auto inner = [this](const char* key, const char* name) {
      const YamlNode* node = fields_.find(key);
      return node ? node->find(name) : nullptr;
    };
    note(inner("cluster", "ttl"), "cluster.ttl");
    note(inner("cluster", "lost_after"), "cluster.lost_after");
    note(fields_.find("retention"), "retention");
    note(fields_.find("mask"), "mask");
    note(inner("jobs", "queues"), "jobs.queues");
  }

  Checker& check_;
  const DeploymentContext& context_;
  YamlFields fields_;
  Deployment out_;
  std::map<std::string, int> listeners_;
};

// Another version means other keys, so its problem stands alone.
void check_version(Checker& check, const YamlNode& root) {
  const YamlNode* version = root.find("domed");
  if (!version) {
    check.fail(root, "missing key 'domed'; write 'domed: " + std::to_string(kVersion) +
                         "', the version of the file's format");
  } else if (version->text != std::to_string(kVersion) && !version->bad) {
    check.fail(*version, "the file's format is version " + in_quotes(version->text) +
                             ", this daemon reads version " + std::to_string(kVersion));
    check.done();
  }
}

}  // namespace

const ToolSpec* Deployment::tool(std::string_view id) const {
  for (const auto& spec : tools)
    if (spec.id == id) return &spec;
  return nullptr;
}

DeploymentContext this_context() {
  return {process_variables(), this_installation(), nullptr};
}

Deployment load_deployment(const std::filesystem::path& file, const DeploymentContext& context) {
  Checker check(file);
  check.tell_sections(context.sections);
  YamlNode root = check.read();
  if (const auto why = weakness_of(std::filesystem::absolute(file)))
    check.fail(1, 1,
               "others could replace this file, and with it what runs as us: " + *why +
                   ": make it, and the directories above it, yours or root's alone");
  if (root.kind == YamlNode::Kind::null && !root.bad) check.fail(1, 1, "the file is empty");
  if (root.kind == YamlNode::Kind::null) check.done();
  // Before anything is read, so that every value may hold variables, and a tool's schema left as it
  // is: "$" begins keywords there, as in $schema and $id.
  expand_tree(root, context.variables, {"input_schema", "output_schema"}, check);
  if (root.kind == YamlNode::Kind::map) check_version(check, root);
  Deployment out = DeploymentReader(check, context, root).run();
  check.done();
  out.warnings = check.warnings();
  return out;
}

}  // namespace domed
