#include "run/provenance.h"

#include <gnu/libc-version.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <thread>

#include "common/hash.h"
#include "common/json.h"
#include "domed/error.h"
#include "log/limits.h"
#include "main/version.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

constexpr const char* kFields[] = {"repo",          "commit_sha",      "tree_sha",    "ref",
                                   "dirty_flag",    "changed_files",   "untracked_files",
                                   "diff_sha256",   "submodules",      "flags"};
constexpr const char* kDriftFields[] = {"commit_sha", "tree_sha", "ref", "dirty_flag", "diff_sha256"};

void unknown(OrderedJson& record, const std::string& field, const std::string& reason) {
  record[field] = "unknown";
  record[field + "_reason"] = reason;
}

// A hung collector keeps only what it shares with us; the run goes on.
OrderedJson call(const Source& source, const CollectRequest& request) {
  auto promise = std::make_shared<std::promise<std::string>>();
  auto answer = promise->get_future();
  std::thread([promise, collector = source.collector, request] {
    try {
      promise->set_value(collector->collect(request));
    } catch (...) {
      promise->set_exception(std::current_exception());
    }
  }).detach();
  if (answer.wait_for(source.budget + 500ms) != std::future_status::ready)
    throw Error(Code::io, source.name + " did not answer within " +
                              std::to_string(source.budget.count()) + " ms");
  auto found = OrderedJson::parse(compact_json(answer.get()));
  if (!found.is_object()) throw Error(Code::internal, source.name + " did not return an object");
  return found;
}

std::string os_name() {
  std::ifstream file("/etc/os-release");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("PRETTY_NAME=\"") && line.size() > 14 && is_utf8(line))
      return line.substr(13, line.size() - 14);
  return "";
}

OrderedJson fingerprint() {
  OrderedJson out = OrderedJson::object();
  const std::string os = os_name();
  if (os.empty())
    unknown(out, "os", "/etc/os-release does not name it");
  else
    out["os"] = os;
  utsname name{};
  uname(&name);
  out["kernel"] = std::string(name.sysname) + " " + name.release;
  out["architecture"] = name.machine;
  out["libc"] = std::string("glibc ") + gnu_get_libc_version();
  out["cpus"] = sysconf(_SC_NPROCESSORS_ONLN);
  unknown(out, "runtime", "the tool names none");
  return out;
}

OrderedJson tool_of(const JobFixed& job) {
  if (job.tool.is_null()) return "unknown";
  return {{"id", job.tool.value("id", "")}, {"version", job.tool.value("version", "")}};
}

}  // namespace

Provenance::Provenance(std::vector<Source> sources, Log log)
    : sources_(std::move(sources)), log_(std::move(log)) {}

OrderedJson Provenance::ask(const JobFixed& job, const std::string& cwd) const {
  OrderedJson found = OrderedJson::object();
  for (const Source& source : sources_) {
    try {
      if (cwd.empty()) throw Error(Code::not_found, "the job names no working directory");
      const OrderedJson part = call(source, {cwd, job.tool_id(), source.budget});
      for (const auto& [key, value] : part.items()) {
        if (value.is_object() && found.contains(key) && found[key].is_object())
          found[key].update(value);
        else if (!found.contains(key) || found[key] == "unknown")
          found[key] = value;
      }
    } catch (const std::exception& e) {
      log_("job " + job.job_id + ": " + source.name + ": " + e.what());
      for (const auto& field : source.fields)
        if (!found.contains(field)) unknown(found, field, e.what());
    }
  }
  return found;
}

std::string Provenance::collect(const JobFixed& job, const std::string& cwd) const {
  const OrderedJson found = ask(job, cwd);
  OrderedJson record{{"schema", "domed.provenance/1"}};
  for (const std::string field : kFields) {
    const bool known = found.contains(field);
    record[field] = known ? found[field] : OrderedJson("unknown");
    if (found.contains(field + "_reason"))
      record[field + "_reason"] = found[field + "_reason"];
    else if (record[field] == "unknown")
      record[field + "_reason"] = "no provenance plugin of the deployment provides it";
  }
  OrderedJson versions{{"domed", kVersion},
                       {"protocol", kProtocol},
                       {"executor", {{"id", job.external() ? "external" : "local-process"}, {"version", kVersion}}},
                       {"tool", tool_of(job)}};
  if (job.tool.is_null()) versions["tool_reason"] = "an ad-hoc command, not a tool of the deployment";
  if (found.contains("tool_versions") && found["tool_versions"].is_object())
    versions.update(found["tool_versions"]);
  for (const Source& source : sources_) versions["plugins"][source.name] = source.version;
  record["tool_versions"] = versions;
  const OrderedJson environment = fingerprint();
  record["env_fingerprint"] = environment;
  record["env_fingerprint_hash"] = sha256_hex(canonical_json(Json::parse(environment.dump())));
  record["input_hash"] = sha256_hex(canonical_json(job.request));
  OrderedJson contracts{{"protocol", sha256_hex("domed control protocol " + std::to_string(kProtocol))}};
  if (!job.tool.is_null()) contracts["tool"] = job.tool.value("contract_sha256", "");
  record["contract_hashes"] = contracts;
  if (record.dump().size() > limits::kEventBytes - 1024)
    unknown(record, "submodules", "too many to record in one event");
  return record.dump();
}

std::string Provenance::collect_end(const JobFixed& job, const std::string& cwd) const {
  if (sources_.empty() || job.provenance.empty()) return "";
  const OrderedJson before = OrderedJson::parse(job.provenance);
  const OrderedJson now = ask(job, cwd);
  OrderedJson end = OrderedJson::object();
  OrderedJson moved = OrderedJson::array();
  bool comparable = true;
  for (const char* field : kDriftFields) {
    const OrderedJson value = now.contains(field) ? now[field] : OrderedJson("unknown");
    end[field] = value;
    if (value == "unknown" || before.value(field, OrderedJson("unknown")) == "unknown") comparable = false;
    else if (before[field] != value) moved.push_back(field);
  }
  if (!moved.empty())
    end["drift"] = "true";
  else
    end["drift"] = comparable ? "false" : "unknown";
  end["moved"] = moved;
  return end.dump();
}

}  // namespace domed
