#include "deployment/job_settings.h"

#include <cstdlib>

#include "base/words.h"
#include "deployment/tool.h"
#include "protocol/limits.h"

namespace domed {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const std::vector<std::string> kDefaultEnvironment{"PATH",   "HOME", "USER", "LOGNAME", "LANG",
                                                   "LC_ALL", "TZ",   "TERM", "SHELL",   "TMPDIR"};

constexpr hours kLongestGivingUp{24 * 36500};

void read_umask(const YamlFields& jobs, JobSettings& out, Checker& check) {
  const std::string text = jobs.text("umask", "");
  if (text.empty() && !jobs.find("umask")) return;
  // Read as text: YAML would take 027 for 27 or for 23, depending on its version.
  const bool octal = text.find_first_not_of("01234567") == std::string::npos;
  const auto value =
      text.empty() || text.size() > 4 ? 01000 : std::strtoul(text.c_str(), nullptr, 8);
  if (octal && value <= 0777)
    out.umask = static_cast<std::uint32_t>(value);
  else
    check.fail(*jobs.find("umask"),
               "jobs.umask must be octal digits up to 777, such as 027, is " + in_quotes(text));
}

bool is_queue_name(const std::string& name) {
  return !name.empty() && name.size() <= limits::kNameBytes;
}

std::string queue_name_rule(const std::string& subject) {
  return subject + ": a queue's name has 1 to " + std::to_string(limits::kNameBytes) + " bytes";
}

void read_serve(const YamlFields& jobs, JobSettings& out, Checker& check) {
  const YamlNode* node = jobs.find("serve");
  if (!node || node->kind == YamlNode::Kind::null) return;
  out.serve = jobs.texts("serve", {});
  for (const YamlNode* item : jobs.items("serve"))
    if (!is_queue_name(item->text)) check.fail(*item, queue_name_rule("jobs.serve"));
}

}  // namespace

std::map<std::string, std::size_t> read_queues(const YamlFields& jobs, Checker& check) {
  std::map<std::string, std::size_t> out;
  const YamlNode* node = jobs.find("queues");
  if (!node || node->kind == YamlNode::Kind::null) return out;
  if (node->kind != YamlNode::Kind::map) {
    check.fail(*node,
               "jobs.queues must be a map: a queue's name and how many of its jobs run at once");
    return out;
  }
  // Any name will do, and none is known beforehand.
  const YamlFields queues(check, *node, "jobs.queues", {});
  for (const auto& key : node->keys) {
    if (!is_queue_name(key.text)) check.fail(key, queue_name_rule("jobs.queues"));
    out[key.text] = static_cast<std::size_t>(queues.integer(key.text, 0, 4096, 1));
  }
  return out;
}

std::set<std::string> JobSettings::served() const {
  if (serve) return {serve->begin(), serve->end()};
  std::set<std::string> out{"default"};
  for (const auto& [name, limit] : queues) out.insert(name);
  return out;
}

const std::vector<std::string> kJobKeys{
    "max_running",   "allow_ad_hoc", "cancel_grace", "max_output", "drain",   "shutdown",
    "env_allowlist", "queues",       "serve",        "cgroup",     "give_up", "umask"};

JobSettings read_job_settings(const YamlFields& jobs, Checker& check) {
  JobSettings out;
  out.max_running = jobs.integer("max_running", 1, 4096, out.max_running);
  out.allow_ad_hoc = jobs.boolean("allow_ad_hoc", out.allow_ad_hoc);
  out.cancel_grace = jobs.duration("cancel_grace", hours(1), out.cancel_grace);
  // At least a line's worth: 0 reads like "no limit" to some and like "no output" to others.
  out.max_output = jobs.size("max_output", 1024, std::uint64_t{1} << 50, out.max_output);
  out.drain = jobs.duration("drain", minutes(10), out.drain);
  out.give_up = jobs.duration("give_up", kLongestGivingUp, out.give_up);
  out.drain_at_shutdown = jobs.choice("shutdown", {"leave", "drain"}, "leave") == "drain";
  out.env_allowlist = jobs.texts("env_allowlist", kDefaultEnvironment);
  for (const YamlNode* item : jobs.items("env_allowlist"))
    if (!is_variable_name(item->text))
      check.fail(*item, "jobs.env_allowlist: " + in_quotes(item->text) +
                            " is no variable's name: letters, digits and _");
  read_umask(jobs, out, check);
  out.queues = read_queues(jobs, check);
  read_serve(jobs, out, check);
  out.cgroup = jobs.text("cgroup", "");
  if (!out.cgroup.empty() && !out.cgroup.is_absolute())
    check.fail(*jobs.find("cgroup"),
               "jobs.cgroup must be an absolute path, is " + in_quotes(out.cgroup.string()));
  return out;
}

}  // namespace domed
