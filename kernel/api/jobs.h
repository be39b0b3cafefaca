#pragma once

#include "domed/store.h"
#include "jobs/scheduler.h"
#include "protocol/call.h"

namespace domed {

// GetJobStatus and ListJobs: what is known of jobs now, as the store has it.  Never waits for the
// journal.  Thread-safe.
class JobMethods {
 public:
  JobMethods(const Store& store, Scheduler& scheduler) : store_(store), scheduler_(scheduler) {}

  void get_job_status(Call call) const;
  void list_jobs(Call call) const;

 private:
  OrderedJson listed(ListQuery query) const;

  const Store& store_;
  Scheduler& scheduler_;  // knows why a job waits, and where a terminal takes what is typed
};

}  // namespace domed
