// The part of Scheduler that tells what waits, and for what.
#include "jobs/scheduler.h"

namespace domed {
namespace {

constexpr std::size_t kCountedEachTime = 1000;  // jobs that wait: no time to speak of

}  // namespace

std::string Scheduler::why_waiting(const JobRecord& record) {
  const std::int64_t wall = context_.environment.now();
  const JobHead head = head_of(record);
  const JobFixed fixed = fixed_of(record);
  const auto policy = policy_.now();
  const std::string why = why_not_here(head, fixed, *policy);
  if (!why.empty() && !head.held) {
    if (!config_.lease || head.external || !head.node.empty()) return why;
    return why_passed_over(why, config_.lease->nodes(), *policy, config_.lease->times(),
                           offered(fixed));
  }
  JobQueue::Job job = queue_job(record, wall);
  const bool may_start = !is_draining();
  return locked([&] {
           plan_.let_start(may_start);
           return plan_.waiting(std::move(job), wall, Clock::now());
         })
      .why();
}

Turn Scheduler::turn_of(const JobRecord& record) {
  const std::int64_t wall = context_.environment.now();
  const JobQueue::Job job = queue_job(record, wall);
  look_at_slots_of(job.queue);
  return locked([&] { return plan_.turn(job, wall, Clock::now()); });
}

Scheduler::Counts Scheduler::counts() {
  return locked([&] { return Counts{plan_.queued(), plan_.running()}; });
}

std::map<std::string, JobQueue::Depth> Scheduler::depths() {
  const std::int64_t wall = context_.environment.now();
  return locked([&] {
    const auto now = Clock::now();
    if (plan_.queued() <= kCountedEachTime || now - counted_at_ >= std::chrono::seconds(1)) {
      depths_ = plan_.depths(wall, now);
      counted_at_ = now;
    }
    return depths_;
  });
}

}  // namespace domed
