#include "deployment/effective.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "loader/masked.h"
#include "loader/option_spec.h"
#include "yaml/yaml_fields.h"

namespace domed {
namespace {

// As options are written, with dollars doubled: what was a variable is one no more.
template <class T>
std::string yaml(const T& value) {
  return write_option(OptionValue(value), true);
}

// The lines of the file.  A key is written at the present depth; one without a value opens a
// section, which is closed by hand.
class Lines {
 public:
  void raw(const std::string& key, const std::string& value) {
    out_ += std::string(2 * depth_, ' ') + (item_ ? "- " : "") + key + ":" +
            (value.empty() ? "" : " " + value) + "\n";
    if (item_) ++depth_, item_ = false;
  }
  template <class T>
  void add(const std::string& key, const T& value) {
    raw(key, yaml(value));
  }
  // Left out where there is nothing to say.
  template <class T>
  void some(const std::string& key, const T& value) {
    if (!value.empty()) add(key, value);
  }
  void comment(const std::string& text) {
    out_ += std::string(2 * depth_, ' ') + "# " + text + "\n";
  }
  void open(const std::string& key) {
    raw(key, "");
    ++depth_;
  }
  void close() { --depth_; }
  // The next key begins an item of a list; close() ends the item.
  void item() { item_ = true; }

  std::string text() { return std::move(out_); }

 private:
  std::string out_;
  std::size_t depth_ = 0;
  bool item_ = false;
};

std::string subject_of(const Grant& grant) {
  switch (grant.to) {
    case Grant::To::user:
      return "uid:" + std::to_string(grant.id);
    case Grant::To::group:
      return "group:" + grant.name;
    case Grant::To::certificate:
      return "cert:" + grant.name;
    case Grant::To::token:
      return "token:" + grant.name;
    case Grant::To::anyone:
      break;
  }
  return "anyone";
}

class Writer {
 public:
  explicit Writer(const Deployment& deployment) : d_(deployment) {}

  std::string run() {
    out_.comment("all that holds in " + d_.file.string());
    out_.raw("domed", "1");
    sockets();
    out_.add("transport", std::string(d_.nng ? "nng" : "native"));
    out_.add("state_dir", d_.state_dir.string());
    node();
    if (d_.cluster) {
      out_.open("cluster");
      out_.add("ttl", d_.cluster->ttl);
      d_.cluster->lost_after ? out_.add("lost_after", *d_.cluster->lost_after)
                             : out_.raw("lost_after", "never");
      out_.close();
    }
    std::vector<std::string> dirs;
    for (const auto& dir : d_.plugin_path)
      if (std::find(dirs.begin(), dirs.end(), dir.string()) == dirs.end())
        dirs.push_back(dir.string());
    out_.add("plugin_path", dirs);
    plugins();
    out_.some("store_key", d_.store_key_file.string());
    jobs();
    tools();
    out_.some("mask", d_.mask);
    retention();
    out_.open("log");
    log(d_.log);
    out_.close();
    if (!d_.metrics_listen.empty())
      out_.raw("metrics", "{listen: " + yaml(d_.metrics_listen) + "}");
    return out_.text();
  }

 private:
  void node() {
    const NodeCredentials& own = d_.node_credentials;
    if (d_.node_name.empty() && own == NodeCredentials()) return;
    out_.open("node");
    out_.some("name", d_.node_name);
    out_.some("token", own.token_file);
    if (!own.ca.empty() || !own.cert.empty()) {
      out_.open("tls");
      out_.some("ca", own.ca);
      out_.some("cert", own.cert);
      out_.some("key", own.key);
      out_.close();
    }
    out_.close();
  }
  void sockets() {
    out_.open("control");
    out_.some("group", d_.group);
    listeners(d_.control_listen);
    out_.close();
    out_.some("tokens", d_.tokens_file.string());
    out_.open("events");
    listeners(d_.events_listen);
    out_.add("shards", static_cast<std::int64_t>(d_.event_shards));
    out_.close();
  }

  void listeners(const std::vector<Listener>& all) {
    out_.open("listen");
    for (const Listener& listener : all) {
      out_.item();
      out_.add("url", listener.url);
      roles(listener);
      out_.some("origins", listener.origins);
      if (listener.tls) tls(*listener.tls);
      out_.close();
    }
    out_.close();
  }

  // Over ipc the daemon's user and root have theirs without being named.  Where a group gets
  // through and has no role, they are named all the same: without "roles" the group would have one.
  void roles(const Listener& listener) {
    const bool ipc = listener.url.starts_with("ipc://");
    if (ipc && d_.group.empty()) return;
    const auto implied = [&](const Grant& grant) {
      return ipc && grant.to == Grant::To::user && grant.role == Role::admin &&
             (grant.id == 0 || grant.id == geteuid());
    };
    const bool others = !std::all_of(listener.grants.begin(), listener.grants.end(), implied);
    std::map<Role, std::vector<std::string>> by_role;
    for (const Grant& grant : listener.grants) {
      if (others && implied(grant)) continue;
      auto& names = by_role[grant.role];
      if (std::find(names.begin(), names.end(), subject_of(grant)) == names.end())
        names.push_back(subject_of(grant));
    }
    out_.open("roles");
    for (const auto& [role, names] : by_role) out_.add(std::string(role_name(role)), names);
    out_.close();
  }

  void tls(const TlsFiles& files) {
    out_.open("tls");
    out_.add("cert", files.cert.string());
    out_.add("key", files.key.string());
    out_.some("client_ca", files.client_ca.string());
    out_.some("crl", files.crl.string());
    out_.close();
  }

  void plugins() {
    out_.open("store");
    plugin(d_.store);
    out_.close();
    if (d_.provenance.empty()) return;
    out_.open("provenance");
    for (const PluginUse& use : d_.provenance) {
      out_.item();
      plugin(use);
      out_.add("timeout", use.timeout);
      out_.close();
    }
    out_.close();
  }

  void plugin(const PluginUse& use) {
    out_.add("plugin", use.manifest.name);
    if (use.manifest.options.empty()) return;
    out_.open("options");
    for (const OptionSpec& spec : use.manifest.options) option(spec, use.options.value(spec.name));
    out_.close();
  }

  void option(const OptionSpec& spec, const OptionValue& value) {
    if (!spec.secret) return out_.raw(spec.name, write_option(value, true));
    // What reads back must be of the option's kind.
    const bool any_text = spec.pattern.empty() && spec.values.empty();
    if (any_text && std::holds_alternative<std::string>(value))
      out_.add(spec.name, std::string(kMasked));
    else if (any_text && std::holds_alternative<std::vector<std::string>>(value))
      out_.add(spec.name, std::vector<std::string>{kMasked});
    else
      out_.comment(spec.name + ": " + kMasked + "  (secret)");
  }

  void jobs() {
    const JobSettings& jobs = d_.jobs;
    out_.open("jobs");
    out_.add("max_running", jobs.max_running);
    out_.add("allow_ad_hoc", jobs.allow_ad_hoc);
    out_.add("cancel_grace", jobs.cancel_grace);
    out_.add("max_output", jobs.max_output);
    out_.add("drain", jobs.drain);
    out_.add("give_up", jobs.give_up);
    out_.add("shutdown", std::string(jobs.drain_at_shutdown ? "drain" : "leave"));
    if (jobs.umask) {
      char octal[8];
      std::snprintf(octal, sizeof octal, "%04o", static_cast<unsigned>(*jobs.umask));
      out_.raw("umask", "\"" + std::string(octal) + "\"");
    }
    out_.some("cgroup", jobs.cgroup.string());
    if (!jobs.queues.empty()) {
      out_.open("queues");
      for (const auto& [name, limit] : jobs.queues)
        out_.add(yaml(name), static_cast<std::int64_t>(limit));
      out_.close();
    }
    if (jobs.serve) out_.add("serve", *jobs.serve);
    out_.add("env_allowlist", jobs.env_allowlist);
    out_.close();
  }

  void log(const LogSettings& log) {
    out_.add("level", log.level);
    out_.add("format", std::string(log.as_json ? "json" : "text"));
    out_.add("to", name_of(log.to));
    if (log.to != LogSettings::To::file) return;
    out_.add("file", log.file.string());
    out_.add("max_size", log.max_size);
    out_.add("keep", log.keep);
  }

  void tools() {
    if (d_.tools.empty()) return;
    out_.open("tools");
    for (const ToolSpec& tool : d_.tools) {
      out_.item();
      one_tool(tool);
      out_.close();
    }
    out_.close();
  }

  void one_tool(const ToolSpec& tool) {
    out_.add("id", tool.id);
    out_.add("version", tool.version);
    out_.add("title", tool.title);
    out_.add("short_description", tool.short_description);
    out_.some("kind", tool.kind);
    out_.add("description", tool.description);
    out_.add("command", tool.command);
    out_.some("cwd", tool.cwd);
    if (!tool.env.empty()) {
      out_.open("env");
      for (const auto& [name, value] : tool.env) out_.add(name, std::string(kMasked));
      out_.close();
    }
    if (!tool.secret_env.empty()) {
      out_.open("secret_env");
      // Long enough to be read again.
      for (const auto& [name, value] : tool.secret_env)
        out_.add(name, std::string(kMasked) + kMasked);
      out_.close();
    }
    out_.add("timeout", tool.timeout);
    limits(tool);
    out_.open("retry");
    out_.add("max_attempts", tool.max_attempts);
    out_.add("backoff", tool.backoff);
    out_.close();
    out_.open("accepts");
    out_.add("env", tool.accepts.env);
    out_.add("cwd", tool.accepts.cwd);
    out_.add("stdin", tool.accepts.stdin);
    out_.add("tty", tool.accepts.tty);
    out_.close();
    out_.add("permissions", tool.permissions);
    out_.add("side_effects", tool.side_effects);
    out_.raw("input_schema", tool.input_schema);  // JSON is YAML, and variables stay as they are
    out_.raw("output_schema", tool.output_schema);
    out_.add("progress_lines", tool.progress_lines);
    out_.some("version_command", tool.version_command);
    if (!tool.runtimes.empty()) {
      out_.open("runtimes");
      for (const auto& [name, argv] : tool.runtimes) out_.add(yaml(name), argv);
      out_.close();
    }
    out_.add("inputs", tool.inputs);
  }

  void limits(const ToolSpec& tool) {
    if (tool.limits.empty()) return;
    out_.open("limits");
    for (const auto& [name, value] : tool.limits) {
      if (name == "memory")
        out_.add(name, value);
      else if (name == "cpu")
        out_.add(name, std::chrono::milliseconds(std::chrono::seconds(value)));
      else
        out_.add(name, static_cast<std::int64_t>(value));
    }
    out_.close();
  }

  void retention() {
    const RetentionSettings& retention = d_.retention;
    out_.open("retention");
    out_.add("keep_finished", retention.keep_finished);
    out_.add("keep_jobs", retention.keep_jobs);
    out_.add("keep_bytes", retention.keep_bytes);
    out_.add("keep_tombstones", retention.keep_tombstones);
    out_.close();
  }

  const Deployment& d_;
  Lines out_;
};

}  // namespace

std::string effective_yaml(const Deployment& deployment) {
  return Writer(deployment).run();
}

}  // namespace domed
