#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/workers.h"
#include "jobs/alarm.h"
#include "jobs/context.h"
#include "jobs/others.h"
#include "jobs/passed_over.h"
#include "jobs/plan.h"
#include "jobs/sweep.h"

namespace domed {

// The conductor of this room: keeps the plan (plan.h), waits until something of it is due, and has
// each step done: from the queue into a slot (launch.h), from a runner that is gone to the end of
// the job (settle.h), what is overdue or is the kernel's own to end (endings.h, deadlines.h), next
// attempts (retries.h), what an earlier daemon left (recovery.h, sweep.h), retention.
// What fails because the store does is tried again until it succeeds.
//
// Thread-safe.  All waiting is on one thread; what takes time (collecting provenance, starting,
// settling) runs on workers.  There is one mutex (two more only keep a pass of retention, and a
// look at slots, from the next).  It guards the plan and the flags below, is taken for one look or
// change at a time, and is never held while the store, the journal, a collector or a process is
// asked.  So notice(), which the journal calls between a commit and its followers, never waits for
// one of those.  A step reads the store without the mutex and then changes the plan; a commit in
// between is in the plan already, or comes after and changes it again.
class Scheduler {
 public:
  Scheduler(Store& store, Journal& journal, Environment& environment, const Provenance& provenance,
            SchedulerConfig config, JobsLog log, Troubles& troubles);
  ~Scheduler() { stop(); }

  // Restart: takes the unfinished jobs of an earlier daemon in hand.  Living
  // runners are adopted; what dead ones left is imported, and a job without an
  // exit record becomes failed{lost}.  To be called before the endpoints open.
  // "seen" is told of each of them; one whose record is damaged is left alone.
  void recover(const std::function<void(const std::string& job_id, const JobHead&)>& seen);
  // Begins to start jobs.  "control": URLs for runners and jobs.
  void start(std::vector<std::string> control);
  // What the journal made durable.
  void notice(const Commit& commit);
  // Of a store that other nodes act on too: what one of them made of a job, which may be told late.
  // May ask the store.
  void changed_elsewhere(const JobRecord& record, const Commit& commit);
  // Likewise: any job may have changed, and this was not told.
  void look_again();
  // To be called after each look of the lease at the other nodes: takes what dead ones have left.
  void look_at_others();
  // What all nodes that live have passed over for long.
  PassedOver::Told passed_over() const;
  std::vector<std::string> passed_over_ids() const { return passed_over_.ids(); }
  // The producer of an external job that expires spoke, in an event or not.
  void heard(const std::string& job_id);
  // Starts nothing more, and what is only planned is left to the next daemon;
  // running jobs go on.  "end_jobs" tells their runners to stop.
  void stop(bool end_jobs = false);
  // Starts nothing more and waits until no job runs; false: asked to stop first.
  bool drain(const std::stop_token& stop);

  // From now on "config" holds, but for its paths: for runs that start, and what is counted against
  // limits.  What runs goes on as it began.
  void use(const SchedulerConfig& config);

  // Jobs that wait in the queue, and that have a slot.
  struct Counts {
    std::size_t queued = 0, running = 0;
  };
  Counts counts();
  // And by queue, of those that wait; of many as they were within the last second, for whoever asks
  // for health does it often.
  std::map<std::string, JobQueue::Depth> depths();

  // What a job's run is made from, and what has become of that at its end: payloads of events,
  // the latter empty where there is nothing to compare.  Takes as long as the collectors may.
  // "door": by which its producer tells of it.
  std::string first_look(const JobFixed& job, Door door) { return looks_.result(job, door); }
  std::string last_look(const JobFixed& job, Door door) const {
    return context_.provenance.collect_end(job, site_of(config_.run, job, door));
  }
  // The socket at which somebody may type for a job that has a terminal.
  std::string typing_socket(const std::string& run_id) const {
    return run_path(config_.run, run_id) / "tty";
  }
  // Why a queued job does not run yet.
  std::string why_waiting(const JobRecord& record);
  // Where it stands among those that wait: looks at all that do, and of a store that other nodes act
  // on too at the slots of its queue.
  Turn turn_of(const JobRecord& record);
  // Removes what a deleted job left on disk.
  void forget(const std::string& job_id) const;

 private:
  using Clock = Plan::Clock;
  using Step = Plan::Step;

  void work();
  void wait();
  void line_up();
  void look_at_needs(const std::set<std::string>& needs);
  void take_steps();
  void attempt(const std::string& job_id, Step step);
  StepOutcome take_step(const std::string& job_id, Step step);
  void end_jobs();
  void end_overdue();
  void end_strays();
  void make_retries();
  void retain();
  bool is_draining() const { return config_.lease && config_.lease->is_draining(); }
  void settle_all(const std::vector<std::string>& job_ids);

  // Holds the mutex while "f" looks at the plan or changes it.
  template <class F>
  auto locked(F f) {
    std::lock_guard lock(mutex_);
    return f();
  }
  bool stopping() {
    return locked([this] { return stopping_; });
  }
  // Of what is tried again until it succeeds: a word at first, and then now and then.
  void cannot(const std::string& job_id, const std::string& what, const std::exception& why);
  void could(const std::string& job_id);
  void leave_alone(const std::string& job_id, const std::exception& why);
  void look_at_run(const std::string& job_id);
  void settle_own(const std::string& job_id);
  void saw_unfinished(const std::string& job_id);
  void give_back_slot(const std::string& job_id);
  void look_at_slots_of(const std::string& queue);
  void look_at_slots();
  void let_go_of_forgotten();

  const SchedulerConfig config_;  // as it was at the start
  Replaceable<RunSettings> settings_;
  Replaceable<RetentionLimits> kept_;
  Replaceable<OwnPolicy> policy_;
  FirstLooks looks_;
  const JobsContext context_;
  Others others_{context_};
  PassedOver passed_over_;
  std::mutex retention_mutex_;  // one pass at a time
  std::mutex slots_mutex_;      // one look: what is noted last was read last
  Retention retention_;
  std::vector<std::string> control_;  // set before there are threads

  std::mutex mutex_;
  std::condition_variable_any idle_;
  Plan plan_;
  std::map<std::string, JobQueue::Depth> depths_;  // as they were at "counted_at_"
  Clock::time_point counted_at_{};
  bool stopping_ = false, end_runners_ = false;
  std::vector<std::string> over_;  // jobs that ended, whose troubles are to be forgotten

  const Alarm alarm_;  // rung where the plan has news for the thread

  // The thread's own; recover() is before it.
  std::vector<Stray> strays_;
  Clock::time_point strays_due_ = Clock::time_point::max();

  Workers workers_;
  std::thread thread_;
};

}  // namespace domed
