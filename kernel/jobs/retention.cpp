#include "jobs/retention.h"

#include <algorithm>
#include <future>

#include "log/records.h"
#include "protocol/api_error.h"

namespace domed {
namespace {

// One that is damaged stays: when it was purged is not known.
std::int64_t purged_at(const JobRecord& record) try {
  return head_of(record).purged;
} catch (const Error&) {
  return INT64_MAX;
}

}  // namespace

void Retention::run(std::int64_t now, const std::function<void(const std::string&)>& deleted,
                    const std::function<bool()>& stop) {
  const std::int64_t cutoff =
      limits_.keep_finished.count() ? now - limits_.keep_finished.count() : 0;
  std::uint64_t kept = 0;
  each_record(store_, {}, [&](const JobRecord& record) {
    if (stop()) return false;
    if (expired(record, cutoff, kept) && purge(record.job_id)) deleted(record.job_id);
    return true;
  });
  drop_tombstones(now - limits_.keep_tombstones.count(), stop);
}

// By the time of the purge: it is from then on that a repeated request must be
// recognised.
void Retention::drop_tombstones(std::int64_t before, const std::function<bool()>& stop) {
  if (!limits_.keep_tombstones.count()) return;
  ListQuery tombstones;
  tombstones.tombstones = true;
  each_record(store_, tombstones, [&](const JobRecord& record) {
    if (stop()) return false;
    if (purged_at(record) < before) journal_.run(record.job_id, [](JobLog& log) { log.drop(); });
    return true;
  });
}

// An imported job may have ended long ago; it is as old as its import.
bool Retention::expired(const JobRecord& record, std::int64_t cutoff, std::uint64_t& kept) const {
  if (record.columns.unfinished) return false;
  const bool surplus = limits_.keep_jobs && ++kept > limits_.keep_jobs;
  try {
    const JobHead head = JobHead::decode(record.head);
    return surplus || std::max(head.ended, head.ordinal) < cutoff;
  } catch (const Error&) {
    return surplus;  // damaged: when it ended is not known
  }
}

// False: somebody else was faster.
bool Retention::purge(const std::string& job_id) try {
  std::promise<void> promise;
  Journal::Command command;
  command.job_id = job_id;
  command.exclusive = true;
  command.apply = [](JobLog& log, bool) {
    log.purge();
    return true;
  };
  command.done = [&](std::exception_ptr e) { e ? promise.set_exception(e) : promise.set_value(); };
  journal_.submit(std::move(command));
  promise.get_future().get();
  return true;
} catch (const ApiError& e) {
  if (e.retryable()) throw;
  return false;
}

}  // namespace domed
