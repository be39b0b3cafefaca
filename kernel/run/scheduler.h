#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "domed/store.h"
#include "log/journal.h"
#include "run/provenance.h"
#include "run/run_dir.h"
#include "serve/workers.h"

namespace domed {

struct SchedulerConfig {
  std::filesystem::path state_dir;
  std::string runner;                 // path of domed-runner
  std::vector<std::string> control;   // URLs for runners and jobs
  std::size_t max_running = 4;
  std::chrono::milliseconds cancel_grace{5000}, drain{2000};
  std::uint64_t max_output = 1u << 30;
  std::map<std::string, std::string> environment;  // the allowlist, as the daemon has it
  std::chrono::microseconds keep_finished{0}, keep_tombstones{0};  // 0: for ever
  std::uint64_t keep_jobs = 0;                                     // 0: all
};

// Starts queued jobs first in, first out, each under a runner of its own; notices
// when a runner ends and brings its job to an end if the runner did not; ends
// external jobs whose producer ignores a cancel; deletes what retention lets go.
//
// Thread-safe.  All waiting is on one thread; what takes time (collecting
// provenance, starting, settling) runs on workers.
class Scheduler {
 public:
  using Log = std::function<void(const std::string&)>;
  Scheduler(Store& store, Journal& journal, Environment& environment, const Provenance& provenance,
            SchedulerConfig config, Log log);
  ~Scheduler() { stop(); }

  // Restart: takes the unfinished jobs of an earlier daemon in hand.  Living
  // runners are adopted; what dead ones left is imported, and a job without an
  // exit record becomes failed{lost}.  To be called before the endpoints open.
  void recover();
  // Begins to start jobs.
  void start();
  // What the journal made durable.
  void notice(const Commit& commit);
  // Starts nothing more; running jobs go on.  "end_jobs" tells their runners to stop.
  void stop(bool end_jobs = false);
  // Waits until no job runs.
  void drain();

  // Where a job without a cwd works.
  std::filesystem::path scratch(const std::string& job_id) const;
  std::string working_dir(const JobFixed& job) const;
  // Removes what a deleted job left on disk.
  void forget(const std::string& job_id) const;

 private:
  using Clock = std::chrono::steady_clock;

  void work();
  void wait();
  void start_jobs();
  void launch(const std::string& job_id);
  void end_overdue();
  void retain();
  void drop_tombstones(std::int64_t before);
  void delete_job(const JobRecord& record);
  void settle(const std::string& job_id, const std::string& run_id);
  void import_spool(const JobFixed& job, const RunDir& dir);
  void adopt(const std::string& job_id, const std::string& run_id, int pidfd);
  void release(const std::string& job_id);
  void wake();
  RunDir run_dir(const std::string& run_id) const;
  Json spec(const JobFixed& job, const std::string& log_id) const;
  std::map<std::string, std::string> job_environment(const JobFixed& job) const;

  Store& store_;
  Journal& journal_;
  Environment& environment_;
  const Provenance& provenance_;
  const SchedulerConfig config_;
  Log log_;

  struct Run {
    std::string run_id;
    int pidfd = -1;  // -1: being started or settled
  };
  std::mutex mutex_;
  std::condition_variable idle_;
  std::deque<std::string> queue_;
  std::map<std::string, Run> runs_;
  std::map<std::string, Clock::time_point> overdue_;  // external jobs to be canceled then
  bool stopping_ = false, started_ = false;
  int event_ = -1;

  Workers workers_;
  std::thread thread_;
};

// Oldest first.
std::vector<std::string> unfinished_jobs(const Store& store);

}  // namespace domed
