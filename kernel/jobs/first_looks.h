#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/replaceable.h"
#include "base/workers.h"
#include "jobs/run_spec.h"
#include "protocol/call.h"
#include "provenance/provenance.h"

namespace domed {

// What runs are made from, as it is when they start.
//
// Collecting takes as long as the collectors may, and a runner takes its time to come up: launch()
// begins the one just before the other, so that they go on side by side.  The batch that reports
// `running` then takes what was found, or waits for it.  Where nothing was begun (the daemon was
// restarted in between, the job is external) it looks itself, so that there is one path for all.
//
// Thread-safe.  "provenance" and "settings" must outlive it.
class FirstLooks {
 public:
  FirstLooks(const Provenance& provenance, const Replaceable<RunSettings>& settings)
      : provenance_(provenance), settings_(settings) {}

  // For the assignment that "job" has just got; what was found for one before is forgotten.
  void begin(const JobFixed& job);
  // The payload of the job's provenance.  "door": by which its producer says that it runs.  Throws
  // what collecting throws, and is worth another try then.
  std::string result(const JobFixed& job, Door door);
  // It runs, or never will.
  void forget(const std::string& job_id);
  // Begins nothing more, and waits for what was begun.
  void stop() { workers_.stop(); }

 private:
  // Whoever comes first looks; the others wait at the mutex.
  struct Look {
    std::mutex mutex;
    std::optional<std::string> found;
  };

  std::string collect(const JobFixed& job, Door door) const;
  std::string take(Look& look, const JobFixed& job) const;

  const Provenance& provenance_;
  const Replaceable<RunSettings>& settings_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Look>> looks_;  // by job
  std::atomic<bool> has_looks_{false};                  // for forget(), which each commit calls
  Workers workers_{4};
};

// Where a collector may look at the job's files: on this machine only.
Site site_of(const RunSettings& settings, const JobFixed& job, Door door);

}  // namespace domed
