#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "domed/store.h"
#include "log/journal.h"

namespace domed {

struct RetentionLimits {
  std::chrono::microseconds keep_finished{0}, keep_tombstones{0};  // 0: for ever
  std::uint64_t keep_jobs = 0;                                     // finished ones; 0: all
};

// Deletes the finished jobs that the limits let go: those that ended too long
// ago, and the oldest above a number.  Forgets old tombstones.
class Retention {
 public:
  Retention(Store& store, Journal& journal, RetentionLimits limits)
      : store_(store), journal_(journal), limits_(limits) {}

  // One pass, at the time "now".  "deleted" hears of each job that is gone;
  // "stop" is asked between jobs.  Throws what store or journal throw.
  void run(std::int64_t now, const std::function<void(const std::string& job_id)>& deleted,
           const std::function<bool()>& stop);

 private:
  bool expired(const JobRecord& record, std::int64_t cutoff, std::uint64_t& kept) const;
  bool purge(const std::string& job_id);
  void drop_tombstones(std::int64_t before, const std::function<bool()>& stop);

  Store& store_;
  Journal& journal_;
  const RetentionLimits limits_;
};

}  // namespace domed
