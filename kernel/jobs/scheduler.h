#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/workers.h"
#include "domed/host.h"
#include "domed/store.h"
#include "jobs/deadlines.h"
#include "jobs/job_queue.h"
#include "jobs/retention.h"
#include "jobs/run_dir.h"
#include "jobs/run_spec.h"
#include "jobs/runners.h"
#include "log/journal.h"
#include "provenance/provenance.h"
#include "system/cgroup.h"
#include "system/fd.h"

namespace domed {

struct SchedulerConfig {
  RunSettings run;
  RetentionLimits retention;
  std::string runner;  // path of domed-runner
  std::size_t max_running = 4;
  std::map<std::string, std::size_t> queues;  // how many of a queue's jobs run at once
  std::chrono::milliseconds retry{1000};      // after a failure that may pass
  // What a runner gets for ending its tree beyond cancel_grace and drain, until it is
  // taken for mute.
  std::chrono::milliseconds mute{10'000};
};

// Starts queued jobs in their turn (see JobQueue), each under a runner of its own;
// notices when a runner ends and brings its job to an end if the runner did not;
// ends runs whose runner should have, and did not (Deadlines);
// ends external jobs whose producer ignores a cancel, and jobs whose dependency
// failed; submits the next attempt of those that are to be tried again; deletes what
// retention lets go.
// What fails because the store does is tried again until it succeeds.
//
// Thread-safe.  All waiting is on one thread; what takes time (collecting
// provenance, starting, settling) runs on workers.
class Scheduler {
 public:
  using Log = std::function<void(Level, const std::string&)>;
  Scheduler(Store& store, Journal& journal, Environment& environment, const Provenance& provenance,
            SchedulerConfig config, Log log);
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
  // Starts nothing more, and what is only planned is left to the next daemon;
  // running jobs go on.  "end_jobs" tells their runners to stop.
  void stop(bool end_jobs = false);
  // Starts nothing more and waits until no job runs; false: asked to stop first.
  bool drain(const std::stop_token& stop);

  // Where the job works; empty where an external one did not say.
  std::string working_dir(const JobFixed& job) const;
  // The socket at which somebody may type for a job that has a terminal.
  std::string typing_socket(const std::string& run_id) const;
  // Why a queued job does not run yet.
  std::string why_waiting(const JobRecord& record);
  // Removes what a deleted job left on disk.
  void forget(const std::string& job_id) const;

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr auto kNever = Clock::time_point::max();
  enum class Step { launch, settle };

  // A job that has a slot.  Either its runner lives, or a worker has it, or it
  // waits to be tried again.
  struct Run {
    std::string queue, run_id;
    Step step = Step::launch;
    Runner runner;
    Clock::time_point again = kNever;
    bool ended_well = false;                 // the runner left nothing, and no doubt
    Clock::time_point since = Clock::now();  // when its runner came, once there is one
  };
  // A run that no unfinished job has, whose runner has not ended yet.
  struct Stray {
    RunDir dir;
    std::vector<Process> runners;
  };

  void work();
  void wait();
  void line_up();
  void line_up(const std::string& job_id);
  void check_need(const std::string& job_id);
  void need_ended(const std::string& job_id, bool succeeded);
  void start_jobs();
  void try_again();
  void end_jobs();
  void end_overdue();
  void end_overdue(const std::string& job_id);
  void end_strays();
  void make_retries();
  void make_retry(const std::string& job_id);
  void retain();
  void sweep(const Runners& living);
  void sweep_run(const RunDir& dir, const Runners& living, std::set<std::string>& jobs);
  void sweep_scratch(const std::set<std::string>& living) const;

  void recover_job(const std::string& job_id, const JobHead& head, const JobFixed& fixed,
                   const Runners& living, std::vector<std::string>& orphans);
  void take_up(const JobHead& head, const JobFixed& fixed);
  void leave_alone(const std::string& job_id, const std::exception& why);
  void attempt(const std::string& job_id, Step step);
  bool launch(const std::string& job_id);
  void spawn(const JobFixed& job, const std::string& log_id);
  bool settle(const std::string& job_id);
  void finish_run(const JobFixed& job, const RunDir& dir, const std::string& rest);
  std::string import_spool(const JobFixed& job, const RunDir& dir);
  std::string kill_rest(const std::string& job_id, const std::string& run_id,
                        const std::string& token);
  bool adopt_living(const std::string& job_id, const RunDir& dir);

  void runner_ended(const std::string& job_id);
  void cancel_later(const std::string& job_id);
  void adopt(const std::string& job_id, const std::string& run_id, Runner runner);
  void later(const std::string& job_id, Step step, std::chrono::milliseconds delay);
  void release(const std::string& job_id);
  bool stopping();
  void wake();
  RunDir run_dir(const std::string& run_id) const;

  Store& store_;
  Journal& journal_;
  Environment& environment_;
  const Provenance& provenance_;
  const SchedulerConfig config_;
  Log log_;

  std::mutex mutex_;
  std::condition_variable_any idle_;
  std::vector<std::string> control_;
  std::vector<std::string> arrivals_;  // queued jobs whose record is to be looked at
  JobQueue queue_;
  std::map<std::string, Run> runs_;
  Deadlines deadlines_;  // of those
  std::vector<Stray> strays_;
  Clock::time_point strays_due_ = kNever;
  // What the kernel itself is to end, and when.
  struct Ending {
    State to;
    std::string reason, message;
    Clock::time_point due;
  };
  std::map<std::string, Ending> endings_;
  std::map<std::string, std::string>
      troubles_;                   // why a job that is tried again could not be started
  std::set<std::string> retries_;  // failed jobs whose next attempt is to be made
  bool stopping_ = false, draining_ = false, end_runners_ = false;
  Fd event_;

  Workers workers_;
  std::thread thread_;
};

}  // namespace domed
