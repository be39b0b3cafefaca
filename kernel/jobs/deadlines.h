#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "log/job.h"
#include "system/boot_clock.h"

namespace domed {

// When the daemon itself ends a run, because its runner, which should, is stopped, hung or gone:
// some time after a cancel, after the job's timeout, and after the log was sealed.  A runner that
// works is always earlier.  The patience after a timeout begins when this process sees that it has
// passed: where the machine slept over it the runner learns of it no earlier.  Not thread-safe.
class Deadlines {
 public:
  using Clock = BootClock;
  // How a job then ends; nothing where its log is sealed already.
  struct Verdict {
    State to;
    std::string reason, message;
  };

  // A runner gets "patience" to end its tree, and to say so.
  explicit Deadlines(std::chrono::milliseconds patience) : patience_(patience) {}
  // Of runs that begin from now on; the others have what their runners were told.
  void give(std::chrono::milliseconds patience) { patience_ = patience; }

  // The job has a run; "timeout" 0: none.
  void begin(const std::string& job_id, std::chrono::milliseconds timeout);
  // What is known of a job with a run.  The first word on each counts; "since" says for how long
  // it has been so.  A new daemon gives each runner its patience again.  True: there is a new
  // deadline.
  bool running(const std::string& job_id, std::chrono::milliseconds since = {});
  // Time in which it stands still does not count for its timeout.
  bool paused(const std::string& job_id, bool paused);
  bool canceled(const std::string& job_id);
  bool sealed(const std::string& job_id);
  void end(const std::string& job_id) { runs_.erase(job_id); }

  // Whose time has come; each again after another "patience", as long as it is there.
  std::vector<std::string> take_due(Clock::time_point now);
  Clock::time_point next() const;
  // Of a run whose time has come.
  std::optional<Verdict> verdict(const std::string& job_id) const;

 private:
  struct Run {
    std::chrono::milliseconds timeout{0}, patience{0};
    bool paused = false;
    std::optional<Clock::duration> left;           // of the timeout, while it stands still
    std::optional<Clock::time_point> timeout_at;   // not yet seen to have passed
    std::optional<Clock::time_point> overtime_at;  // the patience after it is over
    std::optional<Clock::time_point> cancel_at, sealed_at, again_at;
    std::optional<Verdict> verdict;
    Clock::time_point due() const;
  };

  std::chrono::milliseconds patience_;
  std::map<std::string, Run> runs_;
};

}  // namespace domed
