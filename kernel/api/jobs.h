#pragma once

#include "domed/store.h"
#include "jobs/scheduler.h"
#include "protocol/call.h"
#include "protocol/request.h"

namespace domed {

// GetJobStatus, ListJobs and FindJob: what is known of jobs now, as the store has it.  Never waits
// for the journal.  Thread-safe.
class JobMethods {
 public:
  JobMethods(const Store& store, Scheduler& scheduler) : store_(store), scheduler_(scheduler) {}

  void get_job_status(Call call) const;
  void list_jobs(Call call) const;
  void find_job(Call call) const;

 private:
  // What a store's query asks for, and tags beyond the two that it takes.
  struct Wanted {
    ListQuery query;
    std::vector<std::string> tags;
  };
  static Wanted wanted(Params& params);
  OrderedJson listed(Wanted wanted) const;
  // Of a queued job, "shown" as status or in a list.
  void add_waiting(const JobRecord& record, OrderedJson& out) const;
  std::string why_waiting(const JobRecord& record, const OrderedJson& shown) const;
  std::string newest_of(const Identity& who, std::int64_t back) const;

  const Store& store_;
  Scheduler& scheduler_;  // knows why a job waits, and where a terminal takes what is typed
};

}  // namespace domed
