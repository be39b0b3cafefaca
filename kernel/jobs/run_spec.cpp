#include "jobs/run_spec.h"

#include <algorithm>
#include <cmath>

#include "domed/support/hash.h"
#include "jobs/run_dir.h"
#include "log/token.h"

namespace domed {
namespace {

// Linux gives one variable 128 KiB, its name included.
constexpr std::size_t kMostInEnvironment = 120 * 1024;

void add_variables(const Json& from, const char* which, std::map<std::string, std::string>& out) {
  if (!from.is_object() || !from.contains(which)) return;
  for (const auto& [key, value] : from.at(which).items()) out[key] = value.get<std::string>();
}

// A request may lower what its tool allows, not raise it.
Json limits_of(const JobFixed& job) {
  Json out = job.tool.is_object() ? job.tool.value("limits", Json::object()) : Json::object();
  if (!job.request.contains("limits")) return out;
  for (const auto& [name, value] : job.request.at("limits").items())
    if (!out.contains(name) || value < out.at(name)) out[name] = value;
  return out;
}

}  // namespace

std::map<std::string, std::string> job_environment(const RunSettings& settings,
                                                   const JobFixed& job) {
  auto out = settings.environment;
  add_variables(job.tool, "env", out);
  add_variables(job.request, "env", out);
  if (!job.request.contains("task")) return out;
  out["DOMED_TASK_FILE"] = run_path(settings, job.run_id) / kTaskFile;
  const std::string task = job.request.at("task").dump();
  if (task.size() <= kMostInEnvironment) out["DOMED_TASK_JSON"] = task;
  return out;
}

std::map<std::string, std::string> secret_environment(const JobFixed& job) {
  std::map<std::string, std::string> out;
  add_variables(job.tool, "secret_env", out);
  add_variables(job.request, "secret_env", out);
  return out;
}

std::filesystem::path run_path(const RunSettings& settings, const std::string& run_id) {
  return settings.state_dir / "runs" / run_id;
}

std::filesystem::path scratch_dir(const RunSettings& settings, const std::string& job_id) {
  return settings.state_dir / "scratch" / sha256_hex(job_id).substr(0, 32);
}

std::filesystem::path cgroup_of(const RunSettings& settings, const std::string& run_id) {
  return settings.cgroup.empty() ? settings.cgroup : settings.cgroup / run_id;
}

std::string working_dir(const RunSettings& settings, const JobFixed& job) {
  std::string cwd = text_at(job.request, "cwd");
  if (cwd.empty()) cwd = text_at(job.tool, "cwd");
  if (cwd.empty() && !job.external()) cwd = scratch_dir(settings, job.job_id);
  return cwd;
}

std::optional<std::vector<std::string>> cwd_fence(const JobFixed& job) {
  if (text_at(job.request, "cwd").empty()) return std::nullopt;
  if (!job.tool.is_object() || !job.tool.contains("accepts")) return std::nullopt;
  return job.tool.at("accepts").at("cwd").get<std::vector<std::string>>();
}

// Neither raises what the tool allows, nor rounds a time to none.
std::chrono::milliseconds timeout_of(const JobFixed& job) {
  double least = 0;
  for (const Json* from : {&job.request, &job.tool}) {
    const double seconds = from->is_object() ? from->value("timeout_s", 0.0) : 0;
    if (seconds > 0 && (least == 0 || seconds < least)) least = seconds;
  }
  return std::chrono::milliseconds(
      least == 0 ? 0 : std::max<std::int64_t>(1, std::llround(least * 1000)));
}

namespace {

// Where the runner makes sure that what the request chose lies.
void put_fence(Json& spec, const JobFixed& job) {
  if (!job.tool.is_object() || !job.tool.contains("accepts")) return;
  const Json& accepts = job.tool.at("accepts");
  if (const auto below = cwd_fence(job)) spec["cwd_below"] = *below;
  const Json input = job.request.value("stdin", Json::object());
  if (!input.contains("path")) return;
  spec["stdin_below"] = Json::array();
  for (const auto& item : accepts.at("stdin"))
    if (item != "bytes") spec["stdin_below"].push_back(item);
}

// A plain variable of the request may have the name of the tool's secret: then it is meant.
void put_secrets(Json& spec, const RunSettings& settings, const JobFixed& job) {
  const Json env = job.request.value("env", Json::object());
  for (const auto& [name, value] : secret_environment(job)) {
    if (!env.contains(name)) spec["env"][name] = value;
    spec["secrets"].push_back(value);
  }
  // Where the request has its own value, the tool's goes nowhere, and is masked all the same.
  if (job.tool.is_object() && job.tool.contains("secret_env"))
    for (const auto& value : job.tool.at("secret_env")) spec["secrets"].push_back(value);
  if (!settings.mask.empty()) spec["mask"] = settings.mask;
}

}  // namespace

Json run_spec(const RunSettings& settings, const JobFixed& job, const RunIdentity& identity) {
  Json spec = {{"job_id", job.job_id},
               {"run_id", job.run_id},
               {"log_id", identity.log_id},
               {"producer_id", identity.producer_id},
               {"producer_token", identity.token},
               {"job_token", job_token(identity.token)},
               {"control", identity.control},
               {"command", job.command()},
               {"cwd", working_dir(settings, job)},
               {"env", job_environment(settings, job)},
               {"timeout_ms", timeout_of(job).count()},
               {"cancel_grace_ms", settings.cancel_grace.count()},
               {"drain_ms", settings.drain.count()},
               {"max_output", settings.max_output},
               {"open_files", settings.open_files},
               {"umask", settings.umask},
               {"limits", limits_of(job)},
               {"cgroup", cgroup_of(settings, job.run_id).string()},
               {"durable", identity.durable},
               {"times", true},
               {"fenced", identity.fenced},
               {"give_up_ms", settings.give_up.count()}};
  if (identity.fenced) spec["others"] = identity.others;
  if (identity.fenced)
    spec["node"] = {{"ca", settings.node_ca},
                    {"cert", settings.node_cert},
                    {"key", settings.node_key},
                    {"token", settings.node_token}};
  for (const char* key : {"stdin", "tty", "task"})
    if (job.request.contains(key)) spec[key] = job.request.at(key);
  if (job.tool.is_object()) spec["progress_lines"] = job.tool.value("progress_lines", false);
  put_secrets(spec, settings, job);
  put_fence(spec, job);
  return spec;
}

}  // namespace domed
