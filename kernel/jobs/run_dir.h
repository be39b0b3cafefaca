#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/note.h"
#include "system/fd.h"
#include "system/process.h"

namespace domed {

inline constexpr const char* kTaskFile = "task.json";

// What daemon and runner share about one run, in a directory of its own:
//   spec.json   {"job_id"} of the run, for a daemon whose store does not know it
//   task.json   the job's task, for its command; there where the job has one
//   lock        held (flock) by the runner for its whole life
//   runner.json, child.json   pid, start time and boot id of runner and command;
//               the latter is signed, see base/note.h
//   spool       the runner's batches, one AppendJobEvents params object a line, but
//               for the token; the last one is the exit record
//   log         the runner's own messages
//   tty         a socket, where the command has a terminal: runner/typing.h
// What the runner is to do it gets on a descriptor (spawn_runner), for no file may hold
// the tokens of a run.
//
// Every job of this user can write here, so that all of this is a hint: files are opened
// as system/own_file.h says, have bounds, and one that is not as it should be is as good
// as none.  Whom the daemon signals is proved otherwise (jobs/runners.h, jobs/leftovers.h).
class RunDir {
 public:
  explicit RunDir(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  bool exists() const;
  // Made in one step, so that no runner ever sees a part of it; what was there
  // is removed.  "task": null where there is none.  Throws Error.
  void create(const std::string& job_id, const Json& task = nullptr);
  void remove() noexcept;

  // Takes the runner's lock, which keeps runners out while the result lives.
  // nullopt: somebody has it, or there is no such file; a runner or not
  // (runners.h tells).  An empty one where there is no directory.
  std::optional<Fd> lock() const;
  // Whether the command may have been started.
  bool was_started() const;
  // The id of the job that the run is of; empty where spec.json does not tell.
  std::string job_id() const;

  struct Command {
    Process process;  // it leads a session of its own
    std::vector<std::uint64_t> pipes;
  };
  // What the runner whose token has the SHA-256 "token" noted of the command; nullopt where it
  // noted nothing in this life of the machine.
  std::optional<Command> command(const std::optional<Digest>& token) const;

  // Gives each whole batch of the spool to "batch", in order, until it returns false.  Returns the
  // bytes behind the last whole one: a runner was killed while it wrote them, or they are what a
  // loss of power left of one batch or more.
  // Throws Error(unsupported) where the spool is none, or longer than any can be.
  std::size_t read_spool(const std::function<bool(const std::string& params)>& batch) const;
  // The last line of the runner's own log; empty where it is none for people.
  std::string last_words() const;

 private:
  std::filesystem::path path_;
};

struct Runner {
  Fd pidfd;
  Process process;
};

// Starts "program" on "dir".  It finds "spec" at descriptor kSpecDescriptor, and of our
// environment nothing but what the system's loader needs.  Throws Error; no runner is then left.
Runner spawn_runner(const std::string& program, const RunDir& dir, const std::string& spec);

}  // namespace domed
