#pragma once

#include "base/workers.h"
#include "domed/store.h"
#include "jobs/scheduler.h"
#include "log/environment.h"
#include "log/journal.h"
#include "protocol/call.h"

namespace domed {

// DeleteJob, TrimJob and ImportJob: what takes whole logs, or parts of them, away or in.
// Thread-safe.
class TransferMethods {
 public:
  // "node": this one, where others act on the store too; else empty.
  TransferMethods(const Store& store, Journal& journal, const Scheduler& scheduler,
                  Workers& workers, std::string node)
      : store_(store),
        journal_(journal),
        scheduler_(scheduler),
        workers_(workers),
        node_(std::move(node)) {}

  void delete_job(Call call);
  void trim_job(Call call);
  void import_job(Call call);

 private:
  // What is to be forgotten of a log.
  struct Front {
    Digest base{};
    std::uint64_t bytes = 0;
  };
  Front front_of(const JobRecord& record, std::uint64_t keep_from) const;

  const Store& store_;
  Journal& journal_;
  const Scheduler& scheduler_;  // knows what a deleted job left on disk
  Workers& workers_;
  const std::string node_;
};

}  // namespace domed
