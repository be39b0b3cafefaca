#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "jobs/deadlines.h"
#include "jobs/endings.h"
#include "jobs/job_queue.h"
#include "jobs/lineup.h"
#include "jobs/recovery.h"
#include "jobs/settle.h"
#include "jobs/shared_slots.h"
#include "jobs/slots.h"
#include "jobs/step_outcome.h"
#include "jobs/waiting.h"

namespace domed {

// What the scheduler knows of its jobs and is going to do: who waits and in what order, who has a
// slot, what is to be ended, tried again or looked at once more.  News goes in, what is due comes
// out; nothing is read, started or waited for here.
//
// Not thread-safe: the scheduler's mutex is around each call.  What a call returns is a copy, and
// may be out of date when it is acted on; each step asks the record or the process again.
// A job is in one place at a time: an arrival, in the queue, or in a slot.
class Plan {
 public:
  using Clock = BootClock;
  using Step = Slots::Step;

  explicit Plan(const SchedulerConfig& config);
  // From now on the limits and patience of "config" hold.  What runs goes on, above a limit too.
  void use(const SchedulerConfig& config);

  // What the journal made durable.  False: nothing is to be done about it.
  bool notice(const Commit& commit, Clock::time_point now);
  // What an earlier daemon left.
  void take_over(const Unfinished& job, Clock::time_point now);
  // A slot for a job that is ours, and in no place here.  False: it is in one.
  bool reserve(const std::string& job_id);
  bool has_slot(const std::string& job_id) const { return slots_.find(job_id) != nullptr; }
  // Whether the job has a runner here, which is watched.
  bool has_runner(const std::string& job_id) const;
  // The run was taken from us: its runner is to end it, as if its log were sealed.
  bool taken_away(const std::string& job_id) { return deadlines_.sealed(job_id); }
  // Any job in the queue may have changed; "passed_over" are not in it, and may come into it.
  void look_again(std::vector<std::string> passed_over = {});
  // The jobs that have slots of queues over all nodes, as the store shows them: of one queue, or of
  // all.
  void saw_holders(const std::string& queue, std::set<std::string> jobs) {
    holders_[queue] = std::move(jobs);
  }
  void saw_holders(SlotHolders all) { holders_ = std::move(all); }
  std::optional<std::size_t> limit_of(const std::string& queue) const {
    return queue_.limit_of(queue);
  }
  // The jobs here whose queues have a limit, and that are not among "holders" of slots.
  std::vector<std::string> without_slot(const SlotHolders& holders) const;
  // That of a job which has a slot; else empty.
  std::string queue_of(const std::string& job_id) const;
  // The producer of an external job spoke.
  void heard(const std::string& job_id, Clock::time_point now) { endings_.heard(job_id, now); }
  // Starts nothing more.
  void close() { closed_ = true; }
  // Likewise, until it may again.
  void let_start(bool may_start) { may_start_ = may_start; }
  bool is_idle() const { return slots_.size() == 0; }
  std::size_t queued() const { return queue_.size(); }
  std::map<std::string, JobQueue::Depth> depths(std::int64_t wall, Clock::time_point now) const {
    return queue_.depths(wall, now);
  }
  std::size_t running() const { return slots_.size(); }
  void forget_slots() { slots_.clear(); }

  // Jobs whose record is to be looked at: they may have joined the queue, or were held or released.
  std::vector<std::string> take_arrivals() { return std::exchange(arrivals_, {}); }
  void arrival_failed(const std::string& job_id, const std::string& trouble);
  // What its record said; nullopt: it does not wait any more.  Returns the jobs that it needs,
  // which are to be looked at (need_of).
  std::set<std::string> line_up(const std::string& job_id, const std::optional<JobQueue::Job>& job,
                                Clock::time_point now);
  void need_replaced(const std::string& id, const std::string& by) { queue_.replace(id, by); }
  void need_ended(const std::string& job_id, bool succeeded, Clock::time_point now);

  // The steps that workers are to take now: of jobs whose turn has come, each in a slot of its own
  // from here on, and of those whose time to be tried again has come.
  std::vector<std::pair<std::string, Step>> take_steps(std::int64_t wall, Clock::time_point now);
  // A runner of the job is about to come.
  void begin(const JobFixed& job);
  void step_done(const std::string& job_id, StepOutcome outcome, Clock::time_point now);
  // "no_room": of a start, which the machine had no room for.
  void step_failed(const std::string& job_id, Step step, const std::string& trouble, bool no_room,
                   Clock::time_point now);
  void runner_ended(const std::string& job_id, bool well) { slots_.runner_ended(job_id, well); }
  Ended ended(const std::string& job_id) const;
  // Of the runners that are watched, by job; they stay open until runner_ended().
  std::map<std::string, int> pidfds() const;
  // The jobs that have one of the runs, by run id.
  std::map<std::string, std::string> runs() const;

  // Runs whose runner should have ended them; nullopt: there is nothing to end.
  std::vector<std::string> take_overdue(Clock::time_point now) { return deadlines_.take_due(now); }
  std::optional<Overdue> overdue(const std::string& job_id) const;
  std::optional<Deadlines::Verdict> verdict(const std::string& job_id) const {
    return deadlines_.verdict(job_id);
  }

  Endings& endings() { return endings_; }

  // Failed jobs whose next attempt is to be made.
  std::set<std::string> retries() const { return retries_; }
  void retry_made(const std::string& job_id) { retries_.erase(job_id); }

  // When something is due without news.
  Clock::time_point next(std::int64_t wall, Clock::time_point now) const;
  // What keeps "job", as its record has it, from running.
  Waiting waiting(JobQueue::Job job, std::int64_t wall, Clock::time_point now) const;
  // Where "job" stands among those that wait, and who has the slots that it waits for.
  Turn turn(const JobQueue::Job& job, std::int64_t wall, Clock::time_point now) const;

 private:
  void release(const std::string& job_id);
  bool has_let_go(const std::string& job_id);
  std::set<std::string> holders_of(const std::string& queue) const;
  void expect(const std::string& job_id, std::chrono::seconds expires, bool begun,
              Clock::time_point now, const std::string& revision = {});
  bool notice_external(const Commit& commit, Clock::time_point now);

  const std::chrono::milliseconds retry_;
  const std::string node_;
  const bool shared_;  // other nodes act on the store too
  std::size_t max_running_;
  bool closed_ = false, may_start_ = true;
  std::vector<std::string> arrivals_;
  JobQueue queue_;
  Slots slots_;
  SlotHolders holders_;
  Deadlines deadlines_;  // of those
  Endings endings_;
  std::set<std::string> ran_before_;  // commands that run already, whose runner is not seen yet
  std::map<std::string, int> failed_starts_;  // of one job, for want of room, one after another
  std::set<std::string> retries_;
  std::map<std::string, std::string> troubles_;  // why a job that is tried again did not start
};

}  // namespace domed
