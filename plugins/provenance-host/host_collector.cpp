#include "host_collector.h"

#include <gnu/libc-version.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "domed/support/hash.h"

namespace domed::host {
namespace {

using Json = nlohmann::json;

bool is_utf8(const std::string& text) try {
  (void)Json(text).dump();
  return true;
} catch (const Json::exception&) {
  return false;
}

std::optional<std::string> own_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

void put(Json& out, const std::string& key, const std::string& value, const std::string& why) {
  // Known or with a reason: an empty field would look like an answer.
  const bool known = !value.empty() && is_utf8(value);
  out[key] = known ? value : "unknown";
  if (!known) out[key + "_reason"] = value.empty() ? why : "it is not UTF-8";
}

// Told apart by a prefix, so that a hash of one thing matches no hash of another.
void put_hash(Json& out, const std::string& key, const char* what, const std::string& value,
              bool wanted) {
  const std::string why =
      wanted ? "the machine names none" : "the option hash_" + std::string(what) + " is off";
  const bool known = wanted && !value.empty();
  put(out, key, known ? sha256_hex("domed " + std::string(what) + ":" + value) : "", why);
}

std::string variable_hash(const Variable& variable, const std::string& name) {
  // A hash and not the value: PATH alone tells of users and projects.  Whoever has the same
  // environment can still compare.
  const auto value = variable(name);
  return value ? sha256_hex(*value) : "not set";
}

}  // namespace

HostCollector::HostCollector(const Options& options, Host&)
    : HostCollector(options, Machine("", own_variable)) {}

HostCollector::HostCollector(const Options& options, Machine machine)
    : machine_(std::move(machine)),
      variables_(options.list("environment")),
      hash_hostname_(options.boolean("hash_hostname")),
      hash_machine_id_(options.boolean("hash_machine_id")) {}

std::string HostCollector::collect(const CollectRequest&) {
  utsname name{};
  ::uname(&name);
  Json out = Json::object();
  put(out, "os", machine_.os(), "/etc/os-release does not name it");
  put(out, "kernel", std::string(name.sysname) + " " + name.release, "uname does not name it");
  put(out, "architecture", name.machine, "uname does not name it");
  // Asked of the library itself: this plugin runs in the process whose libc it is.
  put(out, "libc", std::string("glibc ") + ::gnu_get_libc_version(), "");
  put(out, "cpu", machine_.cpu(), "/proc/cpuinfo does not name it");
  // Those of the machine, not of a cgroup or affinity mask, which belong to the daemon and not to
  // what the job may use.
  out["cpus"] = ::sysconf(_SC_NPROCESSORS_ONLN);
  put(out, "container", machine_.container(), "");
  put(out, "vm", machine_.vm(), "");
  put(out, "locale", machine_.locale(), "");
  out["environment"] = Json::object();
  for (const auto& variable : variables_)
    out["environment"][variable] = variable_hash(machine_.variable(), variable);
  put_hash(out, "hostname_hash", "hostname", name.nodename, hash_hostname_);
  put_hash(out, "machine_id_hash", "machine_id", machine_.id(), hash_machine_id_);
  return Json{{"env_fingerprint", out}}.dump();
}

}  // namespace domed::host
