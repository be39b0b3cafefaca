#include "jobs/others.h"

#include "base/units.h"
#include "jobs/whose.h"

namespace domed {

using namespace std::chrono_literals;

void Others::saw(const std::string& job_id, const std::string& revision, const Whose& job) {
  NodeLease* const lease = context_.config.lease;
  if (!lease) return;
  const bool is_others = job.phase != Whose::Phase::over && !job.external && !job.node.empty() &&
                         job.node != context_.config.node;
  if (!is_others && !(job.importing && job.node != context_.config.node)) return forget(job_id);
  lease->saw_run(job_id, job.lives_by(), revision);
  const std::lock_guard lock(mutex_);
  jobs_[job_id] = job;
}

void Others::forget(const std::string& job_id) {
  if (!context_.config.lease) return;
  context_.config.lease->forget_run(job_id);
  const std::lock_guard lock(mutex_);
  jobs_.erase(job_id);
}

Settling Others::settling_of(const std::string& job_id, const Whose& job) const {
  const NodeLease& lease = *context_.config.lease;
  const bool is_off = lease.is_forgotten(job.node);
  return take_over(job, context_.config.node, lease.standing(),
                   {lease.is_dead(job.node), is_off || lease.is_lost(job_id)});
}

std::vector<std::string> Others::due() {
  std::vector<std::string> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, job] : jobs_)
    if (settling_of(id, job) != Settling::leave) out.push_back(id);
  return out;
}

// What is seen of the record here counts from here on, if nobody had told us of it.
void Others::take(const std::string& job_id) {
  const auto record = context_.store.find(job_id);
  if (!record || record->tombstone) return forget(job_id);
  const JobFixed fixed = fixed_of(*record);
  const Whose job = whose(head_of(*record), fixed);
  saw(job_id, record->revision, job);
  const Settling what = settling_of(job_id, job);
  const auto change = [&](const auto& apply) {
    bool is_done = false;
    context_.journal.run(job_id, [&](JobLog& log) {
      is_done = log.stored_revision() == record->revision;
      if (is_done) apply(log);
    });
    if (is_done) forget(job_id);
    return is_done;
  };
  const std::string dead = "the node " + job.lives_by();
  if (what == Settling::take_back && change([](JobLog& log) { log.take_back(); }))
    context_.log(Level::warning, "job " + job_id + " is taken back from " + dead +
                                     ", which was not heard any more before it began");
  if (what == Settling::drop && change([](JobLog& log) { log.abandon_import(); }))
    context_.journal.run(job_id, [](JobLog& log) { log.drop(); });
  if (what != Settling::lose) return;
  const NodeLease& lease = *context_.config.lease;
  const std::string why =
      lease.is_forgotten(job.node)
          ? "the node " + job.node + " was forgotten: its machine is off"
          : dead + " was not heard for " + format_duration(lease.times().lost_after.value_or(0ms));
  const bool is_lost = change([&](JobLog& log) {
    log.fence();
    log.finish(State::failed, "lost", why);
  });
  if (is_lost) context_.log(Level::warning, "job " + job_id + " is lost: " + why);
}

}  // namespace domed
