#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "protocol/state.h"

namespace domed {

class JobLog;

// What a durable change made of one job: what followers, the scheduler and held
// polls are told.
struct Commit {
  std::string job_id, log_id;
  std::string revision;  // of the record, where others write to the store too; else empty
  std::string node;      // likewise: where the run is, or is to be
  std::shared_ptr<const std::string> lines;  // each with its LF; may be empty
  std::uint64_t first = 0, head = 0;         // seq of the first and last line
  std::uint64_t first_seq = 0;               // of the log's oldest event
  State state = State::queued;
  bool external = false, cancel_requested = false, held = false, paused = false;
  bool created = false, started = false, ended = false;  // by this change
  bool retry = false;                                    // over, and to be tried again
  bool gone = false;                                     // deleted
  std::chrono::seconds expires{0};  // of an external job: how long its producer may be silent
};

// What "log" is now, without lines.
Commit commit_of(const JobLog& log);

// What people are told of a job that was submitted, has started or is over.
struct JobNews {
  std::string job_id, name, submitter, what;  // "what": its tool, or the program of its command
  State state = State::queued;
  std::string reason, message;
  std::optional<std::int64_t> exit_code, signal;
  std::int64_t created = 0, started = 0, ended = 0;  // 0: not yet
};
JobNews news_of(const JobLog& log);

}  // namespace domed
