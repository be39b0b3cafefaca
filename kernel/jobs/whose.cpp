#include "jobs/whose.h"

namespace domed {

Whose whose(const JobHead& head, const JobFixed& fixed) {
  Whose out;
  out.phase = is_terminal(head.state)        ? Whose::Phase::over
              : head.state == State::running ? Whose::Phase::running
                                             : Whose::Phase::queued;
  out.external = head.external;
  out.held = head.held;
  out.importing = head.importing;
  // What stands in a copy's events is of where it came from: whose it is says who takes it in.
  out.node = head.importing ? fixed.accepted_by : head.node;
  out.watcher = head.importing ? "" : head.watcher;
  if (head.importing) out.phase = Whose::Phase::queued;
  return out;
}

void take_at(Batch& batch, const JobLog& log, const std::string& self, Standing standing) {
  const Whose job = whose(log.head(), log.fixed());
  batch.taken_at = self;
  batch.may_begin = may_take_running(job, standing);
  batch.must_watch = must_watch(job, self);
  batch.may_watch = may_watch(standing);
}

bool is_ours(const JobsContext& context, const JobHead& head) {
  return !context.config.lease || head.node == context.config.node;
}

bool is_still(const JobsContext& context, const JobHead& then, const JobHead& now) {
  return !context.config.lease || (now.node == then.node && now.assigned == then.assigned);
}

}  // namespace domed
