#include "jobs/recovery.h"

#include "jobs/run_dir.h"
#include "jobs/settle.h"
#include "jobs/whose.h"

namespace domed {

Takeover takeover_of(const JobHead& head, const std::function<bool()>& may_run) {
  if (head.importing) return Takeover::drop;
  if (head.retry_at) return Takeover::retry;
  if (head.external) return Takeover::leave;
  return head.state == State::queued && !may_run() ? Takeover::line_up : Takeover::settle;
}

namespace {

// `OwnOnly`: what one that is alone would clear away may be another node's, who is at it.
bool is_others(const JobsContext& context, const Unfinished& job) {
  if (!context.config.lease || job.head.retry_at) return false;
  const std::string node = whose(job.head, job.fixed).node;
  // Of one without a node, who took it in was alone, and is gone.
  if (job.head.importing) return !node.empty() && node != context.config.node;
  if (job.head.external) return false;
  return node.empty() ? job.head.state != State::queued : node != context.config.node;
}

// Where the store does not take that now, the job is queued all the same: the next start gives it
// another token.
void take_back(const JobsContext& context, Unfinished& job) try {
  if (!job.head.is_assigned()) return;
  context.journal.run(job.fixed.job_id, [&](JobLog& log) {
    if (is_still(context, job.head, log.head())) log.take_back();
    job.head = log.head();
  });
} catch (const ApiError& e) {
  context.log(Level::warning, "job " + job.fixed.job_id + " cannot be taken back: " + e.what());
}

}  // namespace

std::optional<Unfinished> take_over(const JobsContext& context, const Runners& living,
                                    const std::string& job_id) {
  const auto record = context.store.find(job_id);
  if (!record) return std::nullopt;
  Unfinished job{Takeover::leave, head_of(*record), fixed_of(*record)};
  if (is_others(context, job)) {
    job.what = Takeover::others;
    return job;
  }
  RunDir dir(run_path(context.config.run, job.fixed.run_id));
  job.what = takeover_of(job.head, [&] {
    return dir.was_started() || !living.of(dir).empty() || (processes_are_hidden() && !dir.lock());
  });
  if (job.what == Takeover::drop) {
    context.journal.run(job_id, [](JobLog& log) { log.abandon_import(); });
    context.journal.run(job_id, [](JobLog& log) { log.drop(); });
  } else if (job.what == Takeover::line_up) {
    // Against a runner that only begins: without its directory it goes, and with its token taken
    // it may not say `running`.
    const auto lock = dir.lock();
    take_back(context, job);
    dir.remove();
  }
  return job;
}

}  // namespace domed
