#include "jobs/recovery.h"

#include "jobs/run_dir.h"
#include "jobs/settle.h"

namespace domed {

Takeover takeover_of(const JobHead& head, const std::function<bool()>& may_run) {
  if (head.importing) return Takeover::drop;
  if (head.retry_at) return Takeover::retry;
  if (head.external) return Takeover::leave;
  return head.state == State::queued && !may_run() ? Takeover::line_up : Takeover::settle;
}

namespace {

// Where the store does not take that now, the job is queued all the same: the next start gives it
// another token.
void take_back(const JobsContext& context, Unfinished& job) try {
  if (!job.head.is_assigned()) return;
  context.journal.run(job.fixed.job_id, [&](JobLog& log) {
    log.take_back();
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
