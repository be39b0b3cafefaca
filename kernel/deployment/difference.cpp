#include "deployment/difference.h"

#include <algorithm>

#include "deployment/who_may.h"
#include "protocol/endpoint.h"

namespace domed {
namespace {

bool are_same(const PluginUse& a, const PluginUse& b) {
  if (a.manifest.name != b.manifest.name || a.timeout != b.timeout) return false;
  return std::all_of(b.manifest.options.begin(), b.manifest.options.end(), [&](const auto& option) {
    return a.manifest.option(option.name) &&
           a.options.value(option.name) == b.options.value(option.name);
  });
}

bool are_same(const std::vector<PluginUse>& a, const std::vector<PluginUse>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& one, const auto& other) { return are_same(one, other); });
}

// A contract has all that a tool is, but for the values of its variables.
bool are_same(const std::vector<ToolSpec>& a, const std::vector<ToolSpec>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ToolSpec& one, const ToolSpec& other) {
                      return one.id == other.id && one.contract == other.contract &&
                             one.env == other.env && one.secret_env == other.secret_env;
                    });
}

bool are_same(const std::vector<Tokens::Token>& a, const std::vector<Tokens::Token>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Tokens::Token& one, const Tokens::Token& other) {
                      return one.name == other.name && one.sha256 == other.sha256 &&
                             one.expires == other.expires;
                    });
}

class Comparison {
 public:
  Comparison(const Deployment& running, const Deployment& read) : read_(read) {
    out_.now = running;
  }

  Difference run() {
    Deployment& now = out_.now;
    // Before the tokens, of which both are asked for.
    listeners("control", now.control_listen, read_.control_listen);
    listeners("events", now.events_listen, read_.events_listen);
    wait("control.group", now.group == read_.group);
    take("tokens", now.tokens, read_.tokens,
         now.tokens_file != read_.tokens_file || !are_same(now.tokens, read_.tokens));
    now.tokens_file = read_.tokens_file;
    wait("events.shards", now.event_shards == read_.event_shards);
    wait("transport", now.nng == read_.nng);
    wait("state_dir", now.state_dir == read_.state_dir);
    wait("cluster", now.cluster == read_.cluster);
    wait("node.name", now.node_name == read_.node_name);
    take("node", now.node_credentials, read_.node_credentials);
    wait("plugin_path", now.plugin_path == read_.plugin_path);
    wait("metrics.listen", now.metrics_listen == read_.metrics_listen);
    wait("store", are_same(now.store, read_.store));
    wait("store_key", now.store_keys == read_.store_keys);
    wait("provenance", are_same(now.provenance, read_.provenance));
    jobs(now.jobs, read_.jobs);
    take("tools", now.tools, read_.tools, !are_same(now.tools, read_.tools));
    take("mask", now.mask, read_.mask);
    retention(now.retention, read_.retention);
    log(now.log, read_.log);
    now.warnings = read_.warnings;
    return std::move(out_);
  }

 private:
  void wait(const std::string& key, bool same) {
    if (!same) out_.waiting.push_back(key);
  }
  template <class T>
  void take(const std::string& key, T& now, const T& read) {
    take(key, now, read, now != read);
  }
  template <class T>
  void take(const std::string& key, T& now, const T& read, bool differs) {
    if (!differs) return;
    out_.taken.push_back(key);
    now = read;
  }

  // One that is gone, and one that is new, need a restart; who may what at those that stay, and by
  // which files that is known, do not.
  void listeners(const std::string& section, std::vector<Listener>& now,
                 const std::vector<Listener>& read) {
    bool same = now.size() == read.size(), roles = false, files = false, later = false;
    std::vector<const Listener*> left;  // port 0 may be there twice
    for (const Listener& listener : read) left.push_back(&listener);
    for (Listener& listener : now) {
      const auto at = std::find_if(left.begin(), left.end(), [&](const Listener* other) {
        return other->url == listener.url;
      });
      const Listener* found = at == left.end() ? nullptr : *at;
      if (found) left.erase(at);
      same = same && found && found->origins == listener.origins;
      if (!found || must_wait(listener, *found)) {
        later = later || (found && found->grants != listener.grants);
        keep_to_old_tokens(listener);
        continue;
      }
      files = files || found->tls != listener.tls;
      roles = roles || found->grants != listener.grants;
      listener.tls = found->tls;
      listener.grants = found->grants;
    }
    if (files) out_.taken.push_back(section + ".listen: tls");
    if (roles) out_.taken.push_back(section + ".listen: roles");
    wait(section + ".listen: roles", !later);
    wait(section + ".listen", same);
  }

  // Roles are taken with all that says of whom they speak, or not at all: who is let in as one of
  // the group, or by a page, would else be what somebody else is to be.
  bool must_wait(const Listener& now, const Listener& read) const {
    const bool others = now.origins != read.origins ||
                        (url_scheme(now.url) == "ipc" && out_.now.group != read_.group);
    // Runners keep the addresses that they started with.
    return others || (are_reached_by_runners({now}) && !are_reached_by_runners({read}));
  }

  // The roles of "listener" were written for the tokens of before: those that are new get nothing
  // by them, and those that are gone nothing any more.
  void keep_to_old_tokens(Listener& listener) const {
    if (are_same(out_.now.tokens, read_.tokens)) return;
    std::vector<Grant> grants;
    for (const Grant& grant : listener.grants) {
      if (grant.to != Grant::To::token) grants.push_back(grant);
      for (const Tokens::Token& token : out_.now.tokens)
        if (grant.to == Grant::To::token && matches(grant.name, token.name) && stays(token))
          grants.push_back({grant.role, Grant::To::token, token.name});
    }
    listener.grants = std::move(grants);
  }

  bool stays(const Tokens::Token& token) const {
    return std::any_of(read_.tokens.begin(), read_.tokens.end(), [&](const auto& other) {
      return other.name == token.name && other.sha256 == token.sha256;
    });
  }

  void jobs(JobSettings& now, const JobSettings& read) {
    take("jobs.max_running", now.max_running, read.max_running);
    take("jobs.allow_ad_hoc", now.allow_ad_hoc, read.allow_ad_hoc);
    // What other nodes wait for before they take a run has the grace in it.
    if (read_.cluster)
      wait("jobs.cancel_grace", now.cancel_grace == read.cancel_grace);
    else
      take("jobs.cancel_grace", now.cancel_grace, read.cancel_grace);
    take("jobs.max_output", now.max_output, read.max_output);
    take("jobs.drain", now.drain, read.drain);
    take("jobs.umask", now.umask, read.umask);
    take("jobs.give_up", now.give_up, read.give_up);
    take("jobs.shutdown", now.drain_at_shutdown, read.drain_at_shutdown);
    take("jobs.env_allowlist", now.env_allowlist, read.env_allowlist);
    if (read_.cluster)
      wait("jobs.queues", now.queues == read.queues);
    else
      take("jobs.queues", now.queues, read.queues);
    take("jobs.serve", now.serve, read.serve);
    wait("jobs.cgroup", now.cgroup == read.cgroup);
  }

  void retention(RetentionSettings& now, const RetentionSettings& read) {
    take("retention.keep_finished", now.keep_finished, read.keep_finished);
    take("retention.keep_jobs", now.keep_jobs, read.keep_jobs);
    take("retention.keep_bytes", now.keep_bytes, read.keep_bytes);
    take("retention.keep_tombstones", now.keep_tombstones, read.keep_tombstones);
  }

  void log(LogSettings& now, const LogSettings& read) {
    take("log.level", now.level, read.level);
    take("log.format", now.as_json, read.as_json);
    take("log.to", now.to, read.to);
    take("log.file", now.file, read.file);
    take("log.max_size", now.max_size, read.max_size);
    take("log.keep", now.keep, read.keep);
  }

  const Deployment& read_;
  Difference out_;
};

}  // namespace

Difference difference(const Deployment& running, const Deployment& read) {
  return Comparison(running, read).run();
}

}  // namespace domed
