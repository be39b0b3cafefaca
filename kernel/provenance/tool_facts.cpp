#include "provenance/tool_facts.h"

#include <algorithm>

#include "base/version.h"
#include "domed/error.h"
#include "domed/support/executable.h"
#include "domed/support/program.h"
#include "provenance/merge.h"
#include "system/process.h"

namespace domed {
namespace {

constexpr const char* kElsewhere = "the run is elsewhere: its producer does not say";
constexpr std::size_t kMaxVersion = 256, kMaxVersions = 1024;

std::string text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string search_path(const Launch& launch) {
  const auto found = launch.environment.find("PATH");
  return found == launch.environment.end() ? kDefaultPath : found->second;
}

std::string below(const std::string& cwd, const std::string& path) {
  if (path.starts_with('/')) return path;
  if (cwd.empty())
    throw Error(Code::not_found, "it is looked for in the working directory, which is not seen");
  return cwd + "/" + path;
}

std::string shown(const std::string& program, const Launch& launch) {
  if (launch.shown_cwd.empty() || !program.starts_with(launch.cwd + "/")) return program;
  return launch.shown_cwd + program.substr(launch.cwd.size());
}

// As domed-runner finds it: relative entries count from the working directory.
std::string program_of(const std::string& name, const Launch& launch) {
  if (name.find('/') != std::string::npos) return below(launch.cwd, name);
  std::string absolute, path = search_path(launch);
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string entry = path.substr(begin, end - begin);
    absolute += (absolute.empty() ? "" : ":") + below(launch.cwd, entry);
    begin = end + 1;
  }
  const std::string found = find_executable(name, absolute);
  if (found.empty()) throw Error(Code::not_found, name + " is not found in the job's PATH");
  return found;
}

std::string first_line(const std::string& output) {
  const std::size_t begin = output.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  std::string line = output.substr(begin, output.find_first_of("\r\n", begin) - begin);
  if (line.size() > kMaxVersion) line.resize(kMaxVersion);
  return reason_text(line);
}

// Without what differs between two runs of one tool, so that answers can be kept.
std::vector<std::string> settings(const CommandEnvironment& environment) {
  std::vector<std::string> out;
  for (const auto& [name, value] : environment)
    if (!name.starts_with("DOMED_")) out.push_back(name + "=" + value);
  return out;
}

// In "/": the working directory is the repository's, and must not be able to
// change what the program does or is.
std::string run_version_command(const std::string& program, std::vector<std::string> arguments,
                                const Launch& launch, SteadyTime deadline) {
  if (std::chrono::steady_clock::now() >= deadline)
    throw Error(Code::io, program + " could not be asked in time: what came before took too long");
  const program::Outcome outcome = program::run({.program = program,
                                                 .arguments = std::move(arguments),
                                                 .directory = "/",
                                                 .environment = settings(launch.environment),
                                                 .deadline = deadline,
                                                 .max_out = 64 << 10});
  if (outcome.timed_out) throw Error(Code::io, program + " did not tell its version in time");
  if (!outcome.error.empty()) throw Error(Code::io, outcome.error);
  if (outcome.truncated)
    throw Error(Code::io, program + " printed more than 64 KiB instead of its version");
  if (!outcome.ok())
    throw Error(Code::io,
                program + " could not tell its version: " +
                    (outcome.signal ? "signal " + std::to_string(outcome.signal)
                                    : "exit status " + std::to_string(outcome.exit_status)));
  const std::string line = first_line(outcome.out.empty() ? outcome.err : outcome.out);
  if (line.empty()) throw Error(Code::io, program + " printed no version");
  return line;
}

}  // namespace

std::string ToolFacts::version_of(const Json& argv, const Launch& launch, SteadyTime deadline) {
  auto words = argv.get<std::vector<std::string>>();
  // Absolute entries of the PATH alone: this is run by the daemon, and the working directory may
  // hold anything.
  const std::string program = find_executable(words.at(0), search_path(launch));
  const std::string stamp = file_stamp(program);
  if (stamp.empty())
    throw Error(Code::not_found, words[0] + " is not found in the job's PATH as an absolute path");
  const std::string key = Json{argv, program, stamp, settings(launch.environment)}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = versions_.find(key); found != versions_.end()) return found->second;
  }
  words.erase(words.begin());
  const std::string version = run_version_command(program, std::move(words), launch, deadline);
  const std::lock_guard lock(mutex_);
  if (versions_.size() >= kMaxVersions) versions_.clear();
  return versions_[key] = version;
}

void ToolFacts::put_version(Json& out, const std::string& key, const Json& argv,
                            const Launch& launch, SteadyTime deadline) {
  try {
    out[key] = version_of(argv, launch, deadline);
  } catch (const std::exception& e) {
    put_unknown(out, key, e.what());
  }
}

void ToolFacts::put_executor(Json& out, const JobFixed& job, SteadyTime deadline) {
  Json executor{{"id", job.external() ? "external" : "local-process"}};
  if (job.external()) {
    put_unknown(executor, "version", kElsewhere);
    put_unknown(executor, "sha256", kElsewhere);
  } else {
    executor["version"] = kVersion;
    try {
      executor["sha256"] = hashes_.sha256_of(runner_, deadline);
    } catch (const std::exception& e) {
      put_unknown(executor, "sha256", e.what());
    }
  }
  out["executor"] = executor;
}

void ToolFacts::put_tool(Json& out, const JobFixed& job, const Launch& launch,
                         SteadyTime deadline) {
  if (!job.tool.is_object())
    return put_unknown(out, "tool", "an ad-hoc command, not a tool of the deployment");
  Json tool{{"id", text(job.tool, "id")}};
  put_text(tool, "version", text(job.tool, "version"), "the deployment declares none");
  const auto command = job.tool.find("version_command");
  if (job.external())
    put_unknown(tool, "reported_version", kElsewhere);
  else if (command == job.tool.end() || command->empty())
    put_unknown(tool, "reported_version", "the tool declares no version_command");
  else
    put_version(tool, "reported_version", *command, launch, deadline);
  out["tool"] = tool;
}

void ToolFacts::put_executable(Json& out, const JobFixed& job, const Launch& launch,
                               SteadyTime deadline) {
  if (job.external()) return put_unknown(out, "executable", kElsewhere);
  try {
    const std::string program = program_of(job.command().at(0).get<std::string>(), launch);
    Json executable{{"sha256", hashes_.sha256_of(program, deadline)}};
    const std::string path = shown(program, launch);
    put_text(executable, "path", is_utf8(path) ? path : "", "its path is not UTF-8");
    out["executable"] = executable;
  } catch (const std::exception& e) {
    put_unknown(out, "executable", e.what());
  }
}

void ToolFacts::put_runtimes(Json& out, const JobFixed& job, const Launch& launch,
                             SteadyTime deadline) {
  const auto declared = job.tool.is_object() ? job.tool.find("runtimes") : job.tool.end();
  if (job.external()) return put_unknown(out, "runtimes", kElsewhere);
  if (!job.tool.is_object() || declared == job.tool.end() || declared->empty())
    return put_unknown(out, "runtimes", "the tool names none");
  Json runtimes = Json::object();
  for (const auto& [name, argv] : declared->items())
    put_version(runtimes, name, argv, launch, deadline);
  out["runtimes"] = runtimes;
}

Json ToolFacts::collect(const JobFixed& job, const Launch& launch, SteadyTime deadline) {
  Json out = Json::object();
  put_executor(out, job, deadline);
  put_executable(out, job, launch, deadline);
  put_tool(out, job, launch, deadline);
  put_runtimes(out, job, launch, deadline);
  return out;
}

Json unknown_tool_facts(const std::string& reason) {
  Json out = Json::object();
  for (const char* part : {"executor", "tool", "executable", "runtimes"})
    put_unknown(out, part, reason);
  return out;
}

}  // namespace domed
