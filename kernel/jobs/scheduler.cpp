#include "jobs/scheduler.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <latch>

#include "base/units.h"
#include "jobs/leftovers.h"
#include "jobs/waiting.h"
#include "log/append.h"
#include "log/records.h"
#include "log/retry.h"
#include "protocol/api_error.h"
#include "system/cgroup.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
constexpr auto kRetentionEvery = 10min;
constexpr auto kLookAgain = 1s;  // at a runner that cannot be seen

std::string queue_name(const JobFixed& job) {
  return job.request.value("queue", "default");
}

// The runner may have died before it learned that a batch had arrived.
bool has_batch(const JobHead& head, const Batch& batch) {
  return batch.number <= head.last_batch(batch.producer_id);
}

bool is_over(const JobRecord& record) {
  const auto state = parse_state(record.columns.state);
  return record.tombstone || (state && is_terminal(*state));
}

std::int64_t start_time(const JobFixed& job) {
  return parse_time(job.request.value("not_before", "")).value_or(0);
}

// Of the processes that could not be killed; "" where there are none.
std::string said_of(const Leftovers& left) {
  if (left.alive.empty()) return "";
  std::string out =
      "; " + std::to_string(left.alive.size()) + " of its processes cannot be killed, such as";
  for (const pid_t pid : left.alive)
    if (out.size() < 200) out += " " + std::to_string(pid);
  return out;
}

void end_runner(const Runner& runner) {
  syscall(SYS_pidfd_send_signal, runner.pidfd.get(), SIGTERM, nullptr, 0);
}

std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> out;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error))
    out.push_back(it->path());
  return out;
}

std::optional<JobFixed> readable(const JobRecord& record) try {
  return fixed_of(record);
} catch (const Error&) {
  return std::nullopt;
}

// A /proc that shows nobody the processes of others (hidepid) shows us no runner.
bool processes_are_hidden() {
  return identify(1).start_time == 0;
}

JobQueue::Job queue_job(const JobRecord& record) {
  const JobFixed fixed = fixed_of(record);
  JobQueue::Job job;
  job.id = record.job_id;
  job.queue = queue_name(fixed);
  job.priority = fixed.request.value("priority", 0);
  job.held = head_of(record).held;
  job.needs = fixed.request.value("depends_on", std::set<std::string>());
  job.not_before = start_time(fixed);
  return job;
}

}  // namespace

Scheduler::Scheduler(Store& store, Journal& journal, Environment& environment,
                     const Provenance& provenance, SchedulerConfig config, Log log)
    : store_(store),
      journal_(journal),
      environment_(environment),
      provenance_(provenance),
      config_(std::move(config)),
      log_(std::move(log)),
      queue_(config_.queues),
      deadlines_(config_.run.cancel_grace + config_.run.drain + config_.mute),
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      workers_(std::clamp<std::size_t>(config_.max_running, 2, 8)) {}

std::string Scheduler::working_dir(const JobFixed& job) const {
  return domed::working_dir(config_.run, job);
}

std::string Scheduler::typing_socket(const std::string& run_id) const {
  return run_dir(run_id).path() / "tty";
}

std::string Scheduler::why_waiting(const JobRecord& record) {
  JobQueue::Job job = queue_job(record);
  Waiting out;
  std::lock_guard lock(mutex_);
  if (const auto trouble = troubles_.find(job.id); trouble != troubles_.end())
    out.trouble = trouble->second;
  if (const auto run = runs_.find(job.id); run != runs_.end()) {
    out.start.emplace();
    if (run->second.runner.pidfd)
      out.start->runner_for =
          std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - run->second.since);
    return out.why();
  }
  if (const JobQueue::Job* queued = queue_.find(job.id)) job.needs = queued->needs;
  out.held = job.held;
  out.needs = std::move(job.needs);
  out.not_before = job.not_before;
  out.now = environment_.now();
  out.queue = job.queue;
  out.queue_limit = queue_.limit_of(job.queue);
  for (const auto& [id, run] : runs_) out.queue_running += run.queue == job.queue;
  out.running = runs_.size();
  out.max_running = config_.max_running;
  out.stopping = stopping_ || draining_;
  return out.why();
}

RunDir Scheduler::run_dir(const std::string& run_id) const {
  return RunDir(run_path(config_.run, run_id));
}

void Scheduler::recover(const std::function<void(const std::string&, const JobHead&)>& seen) {
  std::vector<std::string> orphans;
  const Runners living(config_.runner);
  for (const auto& job_id : unfinished_jobs(store_)) try {
      const auto record = store_.find(job_id);
      if (!record) continue;
      const JobHead head = head_of(*record);
      recover_job(job_id, head, fixed_of(*record), living, orphans);
      if (!head.importing && !head.retry_at) seen(job_id, head);
    } catch (const std::exception& e) {
      leave_alone(job_id, e);
    }
  std::latch settled(static_cast<std::ptrdiff_t>(orphans.size()));
  for (const auto& id : orphans)
    workers_.run([&, id] {
      attempt(id, Step::settle);
      settled.count_down();
    });
  settled.wait();
  sweep(living);
}

// The runners of "orphans" are gone, or have not said yet who they are.
void Scheduler::recover_job(const std::string& job_id, const JobHead& head, const JobFixed& fixed,
                            const Runners& living, std::vector<std::string>& orphans) {
  if (head.importing) {  // what comes of it would be no whole copy
    journal_.run(job_id, [](JobLog& log) { log.abandon_import(); });
    journal_.run(job_id, [](JobLog& log) { log.drop(); });
    return;
  }
  if (head.retry_at) {
    retries_.insert(job_id);
    return;
  }
  if (head.external) {
    if (head.cancel_requested) cancel_later(job_id);
    return;
  }
  RunDir dir = run_dir(fixed.run_id);
  if (head.state == State::queued && !dir.was_started() && living.of(dir).empty() &&
      !(processes_are_hidden() && !dir.lock())) {
    const auto lock = dir.lock();
    dir.remove();
    arrivals_.push_back(job_id);
    return;
  }
  take_up(head, fixed);
  orphans.push_back(job_id);
}

// A runner that lived on without a daemon gets its time again to end what it is to end.
void Scheduler::take_up(const JobHead& head, const JobFixed& fixed) {
  runs_[fixed.job_id].queue = queue_name(fixed);
  runs_[fixed.job_id].run_id = fixed.run_id;
  deadlines_.begin(fixed.job_id, timeout_of(fixed));
  const std::chrono::microseconds since(environment_.now() - head.started);
  if (head.state == State::running)
    deadlines_.running(fixed.job_id, std::chrono::duration_cast<std::chrono::milliseconds>(since));
  if (head.cancel_requested) deadlines_.canceled(fixed.job_id);
}

void Scheduler::leave_alone(const std::string& job_id, const std::exception& why) {
  log_(Level::error, "job " + job_id + " is left alone, its record cannot be read: " + why.what());
}

// What runs of jobs left that are over, or that the store does not know.
void Scheduler::sweep(const Runners& living) {
  std::set<std::string> jobs;
  for (const auto& path : entries_of(config_.run.state_dir / "runs")) try {
      sweep_run(RunDir(path), living, jobs);
    } catch (const std::exception& e) {
      log_(Level::error, path.string() + " is left alone: " + e.what());
    }
  if (!strays_.empty())
    strays_due_ = Clock::now() + config_.run.cancel_grace + config_.run.drain + config_.mute;
  if (store_.durability() == Durability::none) sweep_scratch(jobs);
}

// Whose run it is the unfinished jobs' records say; what the directory itself says is asked only
// where a record cannot be read.  A runner ends by itself when it is told that its job is
// over or gone, and gets the time for that.  "jobs": whose runners live.
void Scheduler::sweep_run(const RunDir& dir, const Runners& living, std::set<std::string>& jobs) {
  const std::string run_id = dir.path().filename();
  for (const auto& [id, run] : runs_)
    if (run.run_id == run_id) return void(jobs.insert(id));
  const std::string id = dir.job_id();
  if (auto runners = living.of(dir); !runners.empty()) {
    jobs.insert(id);
    strays_.push_back({dir, std::move(runners)});
    return;
  }
  const auto record = id.empty() ? std::nullopt : store_.find(id);
  const auto fixed = record && !record->tombstone ? readable(*record) : std::nullopt;
  if (record && !is_over(*record) && (!fixed || fixed->run_id == run_id)) return;
  const auto lock = dir.lock();
  kill_rest(id, run_id, fixed && fixed->run_id == run_id ? fixed->producer_token : "");
  RunDir(dir).remove();
}

// A store that forgets its jobs cannot say whose directories are left; only those
// whose runner still lives are in use.
void Scheduler::sweep_scratch(const std::set<std::string>& living) const {
  std::set<std::filesystem::path> used;
  for (const auto& id : living) used.insert(scratch_dir(config_.run, id));
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(config_.run.state_dir / "scratch", ignored))
    if (!used.contains(entry.path())) std::filesystem::remove_all(entry.path(), ignored);
}

void Scheduler::start(std::vector<std::string> control) {
  control_ = std::move(control);
  thread_ = std::thread([this] { work(); });
}

void Scheduler::wake() {
  std::lock_guard lock(mutex_);
  if (event_) eventfd_write(event_.get(), 1);
}

void Scheduler::notice(const Commit& commit) {
  {
    std::lock_guard lock(mutex_);
    if (is_terminal(commit.state)) {
      if (commit.lines->empty()) return;  // it was over before
      endings_.erase(commit.job_id);
      queue_.remove(commit.job_id);
      deadlines_.sealed(commit.job_id);  // by whomever: its processes are to end
      if (commit.retry) {
        retries_.insert(commit.job_id);
        queue_.replace(commit.job_id, retry_id(commit.job_id));
      } else {
        need_ended(commit.job_id, commit.state == State::succeeded);
      }
    } else if (commit.external) {
      if (!commit.cancel_requested || endings_.contains(commit.job_id)) return;
      cancel_later(commit.job_id);
    } else if (commit.state == State::queued && !runs_.contains(commit.job_id)) {
      arrivals_.push_back(commit.job_id);
    } else {
      bool news = commit.state == State::running && deadlines_.running(commit.job_id);
      news = (commit.cancel_requested && deadlines_.canceled(commit.job_id)) || news;
      if (!news) return;
    }
  }
  wake();
}

void Scheduler::stop(bool end_jobs) {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    end_runners_ = end_runners_ || end_jobs;
    if (end_jobs)
      for (const auto& [id, run] : runs_)
        if (run.runner.pidfd) end_runner(run.runner);
  }
  idle_.notify_all();
  wake();
  if (thread_.joinable()) thread_.join();
  workers_.stop();
  std::lock_guard lock(mutex_);
  runs_.clear();
  event_.reset();
}

bool Scheduler::drain(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  draining_ = true;
  return idle_.wait(lock, stop, [this] { return runs_.empty() || stopping_; });
}

bool Scheduler::stopping() {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void Scheduler::work() {
  auto next_retention = Clock::now();
  while (!stopping()) {
    line_up();
    start_jobs();
    try_again();
    end_jobs();
    end_overdue();
    end_strays();
    make_retries();
    if (Clock::now() >= next_retention) {
      next_retention = Clock::now() + kRetentionEvery;
      workers_.run([this] { retain(); });
    }
    wait();
  }
}

// Sleeps until there is news, a runner has ended, or something is due.
void Scheduler::wait() {
  std::vector<pollfd> fds{{event_.get(), POLLIN, 0}};
  std::vector<std::string> jobs{""};
  auto until = Clock::now() + 60s;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, run] : runs_) {
      until = std::min(until, run.again);
      if (!run.runner.pidfd) continue;
      fds.push_back({run.runner.pidfd.get(), POLLIN, 0});
      jobs.push_back(id);
    }
    for (const auto& [id, ending] : endings_) until = std::min(until, ending.due);
    until = std::min({until, deadlines_.next(), strays_due_});
    const std::int64_t now = environment_.now(), next = queue_.next_time(now);
    if (next < INT64_MAX)
      until = std::min(until, Clock::now() + std::min<std::chrono::microseconds>(
                                                 60s, std::chrono::microseconds(next - now)));
    if (!arrivals_.empty() || !retries_.empty())
      until = std::min(until, Clock::now() + config_.retry);
  }
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  if (poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(0, timeout))) <= 0)
    return;
  eventfd_t news;
  if (fds[0].revents) eventfd_read(event_.get(), &news);
  for (std::size_t i = 1; i < fds.size(); ++i)
    if (fds[i].revents) runner_ended(jobs[i]);
}

void Scheduler::runner_ended(const std::string& job_id) {
  {
    std::lock_guard lock(mutex_);
    Run& run = runs_.at(job_id);
    siginfo_t info{};  // fails for an adopted one, which is nobody's child here
    waitid(P_PIDFD, static_cast<id_t>(run.runner.pidfd.get()), &info, WEXITED | WNOHANG);
    run.ended_well = info.si_pid != 0 && info.si_code == CLD_EXITED && info.si_status == 0;
    run.runner.pidfd.reset();
  }
  workers_.run([this, job_id] { attempt(job_id, Step::settle); });
}

// Looks at the record of each job that may have joined the queue, or that was held
// or released.
void Scheduler::line_up() {
  std::vector<std::string> arrivals;
  {
    std::lock_guard lock(mutex_);
    arrivals.swap(arrivals_);
  }
  for (const auto& id : arrivals) try {
      line_up(id);
      std::lock_guard lock(mutex_);
      troubles_.erase(id);
    } catch (const std::exception& e) {
      log_(Level::error, "job " + id + ": cannot be queued now and is tried again: " + e.what());
      std::lock_guard lock(mutex_);
      troubles_[id] = e.what();
      arrivals_.push_back(id);
    }
}

void Scheduler::line_up(const std::string& job_id) {
  const auto record = store_.find(job_id);
  if (!record || record->tombstone || record->columns.state != "queued") return;
  const JobQueue::Job job = queue_job(*record);
  {
    std::lock_guard lock(mutex_);
    if (runs_.contains(job_id)) {  // held while it was being started
      arrivals_.push_back(job_id);
      return;
    }
    if (!queue_.put(job)) return;
  }
  for (const auto& need : job.needs) check_need(need);
}

// To be called when the job that has the need is in the queue, so that no end in
// between is missed.
void Scheduler::check_need(const std::string& job_id) {
  const auto record = store_.find(job_id);
  const bool failed = record && record->columns.state == "failed";
  const bool retry_is_due = failed && record->columns.unfinished;
  if (failed && (retry_is_due || store_.find(retry_id(job_id)))) {  // which then decides
    {
      std::lock_guard lock(mutex_);
      queue_.replace(job_id, retry_id(job_id));
    }
    if (!retry_is_due || store_.find(retry_id(job_id))) check_need(retry_id(job_id));
    return;
  }
  if (record && record->columns.unfinished) return;
  std::lock_guard lock(mutex_);
  need_ended(job_id, record && record->columns.state == "succeeded");
}

// With the mutex held.
void Scheduler::need_ended(const std::string& job_id, bool succeeded) {
  for (const auto& id : queue_.ended(job_id, succeeded))
    endings_[id] = {State::failed, "dependency",
                    "job " + job_id + ", which has to succeed first, did not", Clock::now()};
}

void Scheduler::start_jobs() {
  std::lock_guard lock(mutex_);
  std::map<std::string, std::size_t> running;
  for (const auto& [id, run] : runs_) ++running[run.queue];
  while (!stopping_ && !draining_ && runs_.size() < config_.max_running) {
    const auto job = queue_.take(running, environment_.now());
    if (!job) return;
    ++running[job->queue];
    runs_[job->id].queue = job->queue;
    workers_.run([this, id = job->id] { attempt(id, Step::launch); });
  }
}

void Scheduler::try_again() {
  std::lock_guard lock(mutex_);
  for (auto& [id, run] : runs_) {
    if (run.again > Clock::now()) continue;
    run.again = kNever;
    workers_.run([this, id = id, step = run.step] { attempt(id, step); });
  }
}

void Scheduler::later(const std::string& job_id, Step step, std::chrono::milliseconds delay) {
  {
    std::lock_guard lock(mutex_);
    Run& run = runs_[job_id];
    run.step = step;
    run.again = Clock::now() + delay;
  }
  wake();
}

void Scheduler::release(const std::string& job_id) {
  {
    std::lock_guard lock(mutex_);
    runs_.erase(job_id);
    deadlines_.end(job_id);
    troubles_.erase(job_id);
  }
  idle_.notify_all();
  wake();
}

void Scheduler::adopt(const std::string& job_id, const std::string& run_id, Runner runner) {
  {
    std::lock_guard lock(mutex_);
    if (end_runners_) end_runner(runner);
    troubles_.erase(job_id);
    Run& run = runs_[job_id];
    run = {run.queue, run_id, Step::settle, std::move(runner), kNever, false, Clock::now()};
  }
  wake();
}

// The job keeps its slot until the step succeeds: it must neither be forgotten
// nor be overtaken.
void Scheduler::attempt(const std::string& job_id, Step step) try {
  if (step == Step::launch ? launch(job_id) : settle(job_id)) release(job_id);
} catch (const std::exception& e) {
  if (stopping()) return;  // the next daemon takes it from here
  const auto* error = dynamic_cast<const Error*>(&e);
  if (error && error->code() == Code::corruption) {
    leave_alone(job_id, e);
    return release(job_id);
  }
  log_(Level::error, "job " + job_id + ": cannot be " +
                         (step == Step::launch ? "started" : "brought to its end") +
                         " now and is tried again: " + e.what());
  {
    std::lock_guard lock(mutex_);
    troubles_[job_id] = e.what();
  }
  later(job_id, step, config_.retry);
}

// True: nothing is left to do.
bool Scheduler::launch(const std::string& job_id) {
  const auto record = store_.find(job_id);
  if (!record || record->tombstone || record->columns.state != "queued") return true;
  const JobFixed fixed = fixed_of(*record);
  std::error_code error;
  const auto scratch = scratch_dir(config_.run, job_id);
  if (working_dir(fixed) == scratch.string()) std::filesystem::create_directories(scratch, error);
  const std::string provenance =
      provenance_.collect(fixed, working_dir(fixed), job_environment(config_.run, fixed));
  JobHead head;
  journal_.run(job_id, [&](JobLog& log) {
    if (!log.head().held) log.set_provenance(provenance);
    head = log.head();
  });
  if (head.state != State::queued) return true;  // canceled meanwhile
  if (head.held) {
    std::lock_guard lock(mutex_);
    arrivals_.push_back(job_id);
    return true;
  }
  try {
    spawn(fixed, head.log_id);
    return false;
  } catch (const Error& e) {
    log_(Level::error, "job " + job_id + ": cannot be started: " + e.what());
    journal_.run(job_id, [&](JobLog& log) { log.finish(State::failed, "spawn_error", e.what()); });
    return true;
  }
}

// Each runner is a producer of its own: of two that meet in spite of all only one
// gets the job to `running`, and the other runs nothing.
void Scheduler::spawn(const JobFixed& job, const std::string& log_id) {
  const auto scratch = scratch_dir(config_.run, job.job_id);
  if (working_dir(job) == scratch.string() &&
      !std::filesystem::is_directory(std::filesystem::symlink_status(scratch)))
    throw Error(Code::unsupported, "its scratch directory " + scratch.string() +
                                       " cannot be made, or something else is in its place");
  RunDir dir = run_dir(job.run_id);
  dir.create(job.job_id, job.request.value("task", Json()));
  const Json spec = run_spec(
      config_.run, job,
      {log_id, environment_.random_id(), control_, store_.durability() != Durability::none});
  {
    std::lock_guard lock(mutex_);
    deadlines_.begin(job.job_id, timeout_of(job));
  }
  adopt(job.job_id, job.run_id, spawn_runner(config_.runner, dir, spec.dump()));
}

// Brings a job whose runner is gone to its end; true: it is there.
bool Scheduler::settle(const std::string& job_id) {
  std::string run_id;
  bool ended_well = false;
  {
    std::lock_guard lock(mutex_);
    run_id = runs_[job_id].run_id;
    ended_well = runs_[job_id].ended_well;
  }
  RunDir dir = run_dir(run_id);
  const auto record = store_.find(job_id);
  const bool over = !record || is_over(*record);
  if (!(over && ended_well)) {
    if (adopt_living(job_id, dir)) return false;
    // Against a runner that only begins.  Whoever else has it changes nothing.
    const auto lock = dir.lock();
    if (!lock && processes_are_hidden()) {
      later(job_id, Step::settle, kLookAgain);
      return false;
    }
    const auto fixed =
        record && !record->tombstone ? std::optional(fixed_of(*record)) : std::nullopt;
    const std::string rest = kill_rest(job_id, run_id, fixed ? fixed->producer_token : "");
    if (!over) finish_run(*fixed, dir, rest);
  }
  dir.remove();
  return true;
}

// Another runner than the one that ended, if any did: of two that were started one goes at once.
bool Scheduler::adopt_living(const std::string& job_id, const RunDir& dir) {
  for (const auto& process : Runners(config_.runner).of(dir)) {
    Fd pidfd = open_process(process);
    if (!pidfd) continue;
    log_(Level::info, "job " + job_id + ": its runner lives and is adopted");
    adopt(job_id, dir.path().filename(), {std::move(pidfd), process});
    return true;
  }
  return false;
}

void Scheduler::finish_run(const JobFixed& job, const RunDir& dir, const std::string& rest) {
  const std::string refused = import_spool(job, dir);
  std::optional<Deadlines::Verdict> verdict;
  {
    std::lock_guard lock(mutex_);
    verdict = deadlines_.verdict(job.job_id);
  }
  std::string why =
      verdict ? verdict->message : "the process that supervised the command ended without a word";
  const std::string last_words = dir.last_words();
  if (!last_words.empty()) why += "; its last words: " + last_words;
  if (!refused.empty()) why += "; its spool: " + refused;
  bool unfinished = false;
  journal_.run(job.job_id, [&](JobLog& log) {
    unfinished = !is_terminal(log.head().state);
    log.finish(verdict ? verdict->to : State::failed, verdict ? verdict->reason : "lost",
               why + rest);
  });
  if (unfinished)
    log_(Level::warning,
         "job " + job.job_id + (verdict ? " is ended: " : " is lost: ") + why + rest);
}

// Returns what is to be said of it.
std::string Scheduler::kill_rest(const std::string& job_id, const std::string& run_id,
                                 const std::string& token) {
  const Cgroup cgroup(cgroup_of(config_.run, run_id));
  cgroup.kill();
  const Leftovers left = kill_leftovers(run_dir(run_id), run_id, token);
  cgroup.remove();
  if (!left.killed.empty())
    log_(Level::warning, "job " + job_id + ": killed " + std::to_string(left.killed.size()) +
                             " processes that its dead runner left");
  return said_of(left);
}

// Those whose runner should have ended them.
void Scheduler::end_overdue() {
  std::lock_guard lock(mutex_);
  for (const auto& id : deadlines_.take_due(Clock::now()))
    workers_.run([this, id] {
      try {
        end_overdue(id);
      } catch (const std::exception& e) {
        log_(Level::error, "job " + id + ": cannot be ended now and is tried again: " + e.what());
      }
    });
}

// With its runner dead the job is settled as any other.  A runner that cannot be killed keeps
// the slot, but not the job.
void Scheduler::end_overdue(const std::string& job_id) {
  std::string run_id;
  Process held;
  std::optional<Deadlines::Verdict> verdict;
  {
    std::lock_guard lock(mutex_);
    const auto it = runs_.find(job_id);
    if (it == runs_.end() || it->second.run_id.empty()) return;
    run_id = it->second.run_id;
    if (it->second.runner.pidfd) held = it->second.runner.process;
    verdict = deadlines_.verdict(job_id);
  }
  auto runners = Runners(config_.runner).of(run_dir(run_id));
  const auto same = [&](const Process& process) { return process.pid == held.pid; };
  if (held.pid > 0 && std::none_of(runners.begin(), runners.end(), same)) runners.push_back(held);
  if (runners.empty()) return;  // it is being settled
  log_(Level::warning, "job " + job_id + ": its runner is mute and is killed, with all below it");
  const std::string rest = said_of(kill_run(runners, Cgroup(cgroup_of(config_.run, run_id))));
  if (rest.empty() || !verdict) return;
  journal_.run(job_id, [&](JobLog& log) {
    log.finish(verdict->to, verdict->reason, verdict->message + rest);
  });
}

void Scheduler::end_strays() {
  if (Clock::now() < strays_due_) return;
  strays_due_ = kNever;
  workers_.run([this, strays = std::exchange(strays_, {})] {
    for (auto [dir, runners] : strays) try {
        const std::string run_id = dir.path().filename();
        kill_run(runners, Cgroup(cgroup_of(config_.run, run_id)));
        kill_rest(dir.job_id(), run_id, "");
        dir.remove();
      } catch (const std::exception& e) {
        log_(Level::error, dir.path().string() + " is left alone: " + e.what());
      }
  });
}

// Sends the batches of a dead runner again.  Returns why it ended early, where
// no repetition can help; throws where one can.
std::string Scheduler::import_spool(const JobFixed& job, const RunDir& dir) {
  std::string refused;
  const auto take = [&](const std::string& line) {
    if (stopping()) throw ApiError("E_BUSY", "the daemon is stopping");
    try {
      AppendRequest request = read_append(compact_json(line));
      request.batch.producer_token = job.producer_token;  // no file has it
      if (request.job_id != job.job_id)
        throw ApiError("E_INVALID_REQUEST", "a batch of another job");
      if (request.ends())
        request.batch.provenance_end = provenance_.collect_end(job, working_dir(job));
      journal_.run(job.job_id, [&](JobLog& log) {
        AppendResult result;
        if (!has_batch(log.head(), request.batch)) log.append(request.batch, true, result);
      });
      return true;
    } catch (const ApiError& e) {
      if (e.retryable() && e.name() != "E_BATCH_GAP") throw;
      if (e.name() != "E_SEALED") refused = e.what();
    } catch (const Error& e) {
      refused = e.what();
    }
    return false;
  };
  try {
    dir.read_spool(take);
  } catch (const Error& e) {
    if (e.code() != Code::unsupported) throw;
    refused = e.what();
  }
  return refused;
}

// With the mutex held, or before there are threads.
void Scheduler::cancel_later(const std::string& job_id) {
  endings_[job_id] = {State::canceled, "cancel", "its producer did not end it within cancel_grace",
                      Clock::now() + config_.run.cancel_grace};
}

void Scheduler::end_jobs() {
  std::map<std::string, Ending> due;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, ending] : endings_)
      if (ending.due <= Clock::now()) due.emplace(id, ending);
  }
  for (const auto& [id, ending] : due) try {
      journal_.run(id, [&ending = ending](JobLog& log) {
        log.finish(ending.to, ending.reason, ending.message);
      });
      std::lock_guard lock(mutex_);
      endings_.erase(id);
    } catch (const std::exception& e) {
      log_(Level::error, "job " + id + ": cannot be ended now and is tried again: " + e.what());
      std::lock_guard lock(mutex_);
      const auto it = endings_.find(id);
      if (it != endings_.end()) it->second.due = Clock::now() + config_.retry;
    }
}

void Scheduler::make_retries() {
  std::set<std::string> due;
  {
    std::lock_guard lock(mutex_);
    due = retries_;
  }
  for (const auto& id : due) try {
      make_retry(id);
      std::lock_guard lock(mutex_);
      retries_.erase(id);
    } catch (const std::exception& e) {
      log_(Level::error, "job " + id + ": its next attempt cannot be submitted now: " + e.what());
    }
}

// Two commits, the new job first: the daemon that comes after one that died in
// between makes the same job again, which changes nothing.
void Scheduler::make_retry(const std::string& job_id) {
  const auto record = store_.find(job_id);
  if (!record || record->tombstone) return;
  Submission next = next_attempt(head_of(*record), fixed_of(*record));
  next.fixed.run_id = environment_.random_id();
  next.fixed.producer_token = environment_.random_id();
  try {
    journal_.run(next.fixed.job_id, [&](JobLog& log) { log.create(next); });
    log_(Level::info, "job " + job_id + " failed and is tried again as " + next.fixed.job_id);
  } catch (const ApiError& e) {
    if (e.retryable()) throw;
    log_(Level::error, "job " + job_id + " is not tried again: " + e.what());
  }
  journal_.run(job_id, [](JobLog& log) { log.retried(); });
}

void Scheduler::retain() try {
  Retention(store_, journal_, config_.retention)
      .run(
          environment_.now(), [this](const std::string& id) { forget(id); },
          [this] { return stopping(); });
} catch (const std::exception& e) {
  log_(Level::error, std::string("retention: ") + e.what());
}

void Scheduler::forget(const std::string& job_id) const {
  std::error_code ignored;
  std::filesystem::remove_all(scratch_dir(config_.run, job_id), ignored);
}

}  // namespace domed
