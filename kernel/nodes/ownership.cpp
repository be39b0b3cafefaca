#include "nodes/ownership.h"

namespace domed {

using Phase = Whose::Phase;

bool may_claim(const Whose& job, Standing standing) {
  return standing == Standing::fresh && job.phase == Phase::queued && job.node.empty() &&
         !job.external && !job.held && !job.importing;
}

bool may_take_running(const Whose& job, Standing standing) {
  return standing == Standing::fresh && job.is_claimed();
}

bool must_watch(const Whose& job, const std::string& self) {
  return job.phase == Phase::running && !job.external && job.lives_by() != self;
}

bool may_watch(Standing standing) {
  return standing == Standing::fresh;
}

Settling settle_own(const Whose& job, const std::string& self, bool may_live) {
  if (job.phase == Phase::over || job.node != self) return Settling::leave;
  if (job.importing) return Settling::drop;
  if (job.external) return Settling::leave;
  if (may_live) return Settling::adopt;
  return job.phase == Phase::queued ? Settling::take_back : Settling::lose;
}

Settling take_over(const Whose& job, const std::string& self, Standing standing, Seen seen) {
  if (standing != Standing::fresh || job.phase == Phase::over || job.node.empty() ||
      job.node == self)
    return Settling::leave;
  if (job.importing) return seen.node_is_dead ? Settling::drop : Settling::leave;
  if (job.external) return Settling::leave;
  if (job.phase == Phase::queued) return seen.node_is_dead ? Settling::take_back : Settling::leave;
  return seen.run_is_lost ? Settling::lose : Settling::leave;
}

}  // namespace domed
