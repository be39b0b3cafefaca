#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "log/job.h"

namespace domed {

// What the kernel itself is to end, and when: an external job whose producer was told of a cancel
// and gets a grace to obey it, and a queued one that needs a job which did not succeed.
//
// Plain data, not thread-safe.  An ending stays until the job is over, so that one which the store
// refused is due again.
class Endings {
 public:
  using Clock = std::chrono::steady_clock;
  struct Ending {
    State to;
    std::string reason, message;
    Clock::time_point due;
  };

  explicit Endings(std::chrono::milliseconds cancel_grace) : cancel_grace_(cancel_grace) {}

  // An external job is to end.  The first word counts; false: it was said before.
  bool canceled(const std::string& job_id, Clock::time_point now);
  // "job_id" never runs, for "need" did not succeed.
  void need_failed(const std::string& job_id, const std::string& need, Clock::time_point now);
  // It is over, whoever ended it.
  void ended(const std::string& job_id) { endings_.erase(job_id); }
  // It could not be ended yet.  Nothing where it is over meanwhile.
  void postpone(const std::string& job_id, Clock::time_point until);

  std::map<std::string, Ending> due(Clock::time_point now) const;
  Clock::time_point next() const;

 private:
  const std::chrono::milliseconds cancel_grace_;
  std::map<std::string, Ending> endings_;
};

}  // namespace domed
