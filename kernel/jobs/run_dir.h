#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "system/fd.h"
#include "system/process.h"

namespace domed {

inline constexpr const char* kTaskFile = "task.json";

// What daemon and runner share about one run, in a directory of its own:
//   spec.json   what to run, written by the daemon
//   task.json   the job's task, for its command; there where the job has one
//   lock        held (flock) by the runner for its whole life
//   runner.json, child.json   pid, start time and boot id of runner and command
//   spool       the runner's batches, one AppendJobEvents params object a line;
//               the last one is the exit record
//   log         the runner's own messages
//   tty         a socket, where the command has a terminal: runner/typing.h
class RunDir {
 public:
  explicit RunDir(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  bool exists() const;
  // Made in one step, so that no runner ever sees a part of it; what was there
  // is removed.  Throws Error(io).
  void create(const Json& spec);
  void remove() noexcept;

  // Takes the runner's lock, which keeps runners out while the result lives.
  // nullopt: a runner has it.  An empty one where there is no directory.
  std::optional<Fd> lock() const;
  // A pidfd of the runner that says that it is here; empty where none has said
  // so, or it is gone.
  Fd runner() const;
  // Whether the command may have been started.
  bool was_started() const;
  // The id of the job that the run is of; empty where spec.json does not tell.
  std::string job_id() const;

  struct Command {
    Process process;  // it leads a session of its own
    std::vector<std::uint64_t> pipes;
  };
  // What the runner noted of the command; nullopt where it noted nothing in
  // this life of the machine.
  std::optional<Command> command() const;

  // Gives each whole batch of the spool to "batch", in order, until it returns false.
  void read_spool(const std::function<bool(const std::string& params)>& batch) const;
  // The last line of the runner's own log; empty where it is none for people.
  std::string last_words() const;

 private:
  std::filesystem::path path_;
};

// Starts "runner" on "dir" and returns a pidfd.  Throws Error(io); no runner is
// then left.
Fd spawn_runner(const std::string& runner, const RunDir& dir);

}  // namespace domed
