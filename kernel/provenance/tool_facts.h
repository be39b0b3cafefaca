#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "log/job.h"
#include "provenance/file_hashes.h"

namespace domed {

using CommandEnvironment = std::map<std::string, std::string>;

// How a run's command is about to be started.
struct Launch {
  std::string cwd;  // empty: it is not looked at
  CommandEnvironment environment;
  std::string shown_cwd{};              // how the record writes "cwd"; empty: as it is
  std::shared_ptr<const void> held{};   // what keeps "cwd" open
};

// Which programs a run uses: its executable, its tool and what that says about
// its versions, and the executor.  They come from the deployment and the
// request, never from a working directory.  Thread-safe.
class ToolFacts {
 public:
  // "runner": the program that supervises commands.
  explicit ToolFacts(std::string runner) : runner_(std::move(runner)) {}

  // The parts "executor", "tool", "executable" and "runtimes" of "tool_versions",
  // each known or unknown for a reason.
  Json collect(const JobFixed& job, const Launch& launch, SteadyTime deadline);

 private:
  void put_executor(Json& out, const JobFixed& job, SteadyTime deadline);
  void put_tool(Json& out, const JobFixed& job, const Launch& launch, SteadyTime deadline);
  void put_executable(Json& out, const JobFixed& job, const Launch& launch, SteadyTime deadline);
  void put_runtimes(Json& out, const JobFixed& job, const Launch& launch, SteadyTime deadline);
  std::string version_of(const Json& argv, const Launch& launch, SteadyTime deadline);
  void put_version(Json& out, const std::string& key, const Json& argv, const Launch& launch,
                   SteadyTime deadline);

  const std::string runner_;
  FileHashes hashes_;
  std::mutex mutex_;
  std::map<std::string, std::string> versions_;  // arguments and file stamp to version
};

// Where nothing could be found out in time: the same parts, for "reason".
Json unknown_tool_facts(const std::string& reason);

}  // namespace domed
