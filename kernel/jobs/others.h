#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "jobs/context.h"
#include "nodes/ownership.h"

namespace domed {

// `Takeover`: the jobs that other nodes have in hand, and what is done with those that a dead one
// has left.  Any node does it, by compare and set on the record that it was decided on, so that of
// two who decide the same one changes nothing.
//
// Of a daemon that is alone on its store there are none.  Thread-safe.
class Others {
 public:
  explicit Others(const JobsContext& context) : context_(context) {}

  // The record of any job, as it is by now.
  void saw(const std::string& job_id, const std::string& revision, const Whose& job);
  void forget(const std::string& job_id);

  // Of whom something may be left to be done.
  std::vector<std::string> due();
  // Does it, if it still is by the record.  Throws Error, ApiError: to be tried again.
  void take(const std::string& job_id);

 private:
  Settling settling_of(const std::string& job_id, const Whose& job) const;

  const JobsContext& context_;
  std::mutex mutex_;
  std::map<std::string, Whose> jobs_;  // of others, and not over
};

}  // namespace domed
