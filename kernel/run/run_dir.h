#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "common/json.h"

namespace domed {

// What daemon and runner share about one run, in a directory of its own:
//   spec.json   what to run, written by the daemon
//   lock        held (flock) by the runner for its whole life
//   runner.json, child.json   pid, start time and boot id of runner and command
//   spool       the runner's batches, one AppendJobEvents params object a line;
//               the last one is the exit record
//   log         the runner's own messages
class RunDir {
 public:
  explicit RunDir(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  bool exists() const;
  // Throws Error(io).
  void create(const Json& spec);
  void remove() noexcept;

  // The pid of a living runner.  A pid is trusted only while the lock is held and
  // the process has the recorded start time.
  std::optional<pid_t> living_runner() const;
  // Whether the command may have been started.
  bool was_started() const;
  // Gives each whole batch of the spool to "batch", in order.
  void read_spool(const std::function<void(const std::string& params)>& batch) const;

 private:
  std::filesystem::path path_;
};

// Kills what is left of a run whose runner is dead: every process of ours that
// carries DOMED_RUN_ID="run_id" in its environment, until there is none.
// Returns how many there were.
std::size_t kill_leftovers(const std::string& run_id);

// Starts "runner" on "dir" and returns a pidfd.  Throws Error(io).
int spawn_runner(const std::string& runner, const RunDir& dir);

}  // namespace domed
