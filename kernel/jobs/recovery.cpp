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
    const auto lock = dir.lock();  // against a runner that only begins
    dir.remove();
  }
  return job;
}

}  // namespace domed
