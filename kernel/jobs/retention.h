#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "domed/store.h"
#include "jobs/clock_trust.h"
#include "log/journal.h"

namespace domed {

struct RetentionLimits {
  std::chrono::microseconds keep_finished{0}, keep_tombstones{0};  // 0: for ever
  std::uint64_t keep_jobs = 0;                                     // finished ones; 0: all
  // Event lines of finished jobs together; 0: all.  The newest one stays, however long it is.
  std::uint64_t keep_bytes = 0;
};

// Deletes the finished jobs that the limits let go: those that ended too long
// ago, and the oldest above a number, of jobs or of bytes.  Forgets old tombstones.
//
// What is old is said by the wall clock.  While that is ahead of what can be believed
// (jobs/clock_trust.h), a pass deletes at most a tenth of the finished jobs for their age, the
// oldest ones, and says that it holds back; tombstones likewise.  The oldest above a number go as
// always: no clock tells them.
//
// Not thread-safe.  An object lives as long as the daemon: it remembers what the clock said.
class Retention {
 public:
  // "warn" hears of what is held back.
  Retention(Store& store, Journal& journal, RetentionLimits limits,
            std::function<void(const std::string&)> warn)
      : store_(store), journal_(journal), limits_(limits), warn_(std::move(warn)) {}

  // From the next pass on these hold.
  void limit(const RetentionLimits& limits) { limits_ = limits; }

  // One pass, at the time "wall", microseconds since 1970, and "now".  "deleted" hears of each job
  // that is gone; "stop" is asked between jobs.  Throws what store or journal throw.
  void run(std::int64_t wall, BootClock::time_point now,
           const std::function<void(const std::string& job_id)>& deleted,
           const std::function<bool()>& stop);

 private:
  // How many of the aged may go; counted while the clock is not believed, else all.
  struct Allowance {
    std::uint64_t aged = 0;  // how many there are
    std::uint64_t spared = 0;
  };
  using Aged = std::function<bool(const JobRecord&)>;

  std::optional<std::int64_t> newest() const;
  Allowance allowance(bool tombstones, const Aged& is_aged, const std::function<bool()>& stop);
  void warn_of(const char* what, const Allowance& allowance, std::chrono::microseconds ahead) const;
  bool purge(const std::string& job_id);
  void drop_tombstones(std::int64_t before, std::chrono::microseconds ahead,
                       const std::function<bool()>& stop);

  Store& store_;
  Journal& journal_;
  RetentionLimits limits_;
  const std::function<void(const std::string&)> warn_;
  ClockTrust clock_;
};

}  // namespace domed
