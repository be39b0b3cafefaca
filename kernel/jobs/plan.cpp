#include "jobs/plan.h"

#include <algorithm>

#include "log/retry.h"
#include "system/process.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
constexpr auto kLongest = 60s;   // without a look
constexpr int kSlower = 5;       // doublings of the time between two starts
constexpr auto kLookAgain = 1s;  // at a runner that cannot be seen

}  // namespace

Plan::Plan(const SchedulerConfig& config)
    : retry_(config.retry),
      node_(config.node),
      shared_(config.lease != nullptr),
      max_running_(config.max_running),
      queue_(config.queues),
      deadlines_(config.patience()),
      endings_(config.run.cancel_grace) {}

void Plan::use(const SchedulerConfig& config) {
  max_running_ = config.max_running;
  queue_.limit(config.queues);
  deadlines_.give(config.patience());
  endings_.give(config.run.cancel_grace);
}

bool Plan::notice(const Commit& commit, Clock::time_point now) {
  const std::string& id = commit.job_id;
  if (is_terminal(commit.state)) {
    const bool has_slot = has_let_go(id);
    if (!commit.ended) return has_slot;  // it was over before
    endings_.ended(id);
    queue_.remove(id);
    deadlines_.sealed(id);  // by whomever: its processes are to end
    if (commit.retry) {
      retries_.insert(id);
      queue_.replace(id, retry_id(id));
    } else {
      need_ended(id, commit.state == State::succeeded, now);
    }
    return true;
  }
  if (commit.external) return notice_external(commit, now);
  // Of what others do the record is asked, when its turn comes: what was told of it may be old.
  if (shared_ && commit.node != node_ && !slots_.find(id) && queue_.find(id)) {
    arrivals_.push_back(id);
    return true;
  }
  if (commit.state == State::queued && !slots_.find(id)) {
    arrivals_.push_back(id);
    return true;
  }
  const bool runs = commit.state == State::running && deadlines_.running(id);
  const bool ends = commit.cancel_requested && deadlines_.canceled(id);
  const bool goes_on = deadlines_.paused(id, commit.paused);
  return runs || ends || goes_on;
}

// Its slot may be taken from now on, given back or not.
bool Plan::has_let_go(const std::string& job_id) {
  std::size_t slots = 0;
  for (auto& [queue, jobs] : holders_) slots += jobs.erase(job_id);
  return slots > 0;
}

// Here it may hold a slot that the store does not show yet, or no more.
std::set<std::string> Plan::holders_of(const std::string& queue) const {
  const auto seen = holders_.find(queue);
  std::set<std::string> out = seen == holders_.end() ? std::set<std::string>() : seen->second;
  for (const auto& [id, slot] : slots_.all())
    if (slot.queue == queue) out.insert(id);
  return out;
}

std::vector<std::string> Plan::without_slot(const SlotHolders& holders) const {
  std::vector<std::string> out;
  for (const auto& [id, slot] : slots_.all()) {
    const auto seen = holders.find(slot.queue);
    const bool has_one = seen != holders.end() && seen->second.contains(id);
    if (!has_one && queue_.limit_of(slot.queue)) out.push_back(id);
  }
  return out;
}

std::string Plan::queue_of(const std::string& job_id) const {
  const Slots::Slot* slot = slots_.find(job_id);
  return slot ? slot->queue : "";
}

void Plan::expect(const std::string& job_id, std::chrono::seconds expires, bool begun,
                  Clock::time_point now, const std::string& revision) {
  const std::chrono::milliseconds more(shared_ ? expires : expires * 0);
  endings_.expect(job_id, expires, begun, now, more / 4, revision);
}

// Its producer is waited for from its first event on; that it spoke is told by heard().  Where it
// may speak to others too the record tells, which they write now and then: each change of that is a
// word, and none is late before they had time for two.
bool Plan::notice_external(const Commit& commit, Clock::time_point now) {
  if (shared_ && commit.expires.count() > 0) {
    expect(commit.job_id, commit.expires, commit.state != State::queued, now, commit.revision);
    return commit.created || (commit.cancel_requested && endings_.canceled(commit.job_id, now));
  }
  const bool is_new = commit.created && commit.expires.count() > 0;
  if (is_new) {  // its first batch may be in the same commit
    const bool begun = commit.state != State::queued;
    endings_.expect(commit.job_id, commit.expires, begun, now);
  }
  return (commit.cancel_requested && endings_.canceled(commit.job_id, now)) || is_new;
}

void Plan::take_over(const Unfinished& job, Clock::time_point now) {
  const std::string& id = job.fixed.job_id;
  if (job.what == Takeover::retry) retries_.insert(id);
  if (job.what == Takeover::line_up) arrivals_.push_back(id);
  if (job.what == Takeover::leave) {
    // Nobody could be heard while there was no daemon.
    if (const auto expires = job.fixed.expires(); expires.count() > 0)
      expect(id, expires, job.head.state != State::queued, now);
    if (job.head.cancel_requested) endings_.canceled(id, now);
  }
  if (job.what != Takeover::settle) return;
  slots_.open(id, queue_name(job.fixed));
  begin(job.fixed);
  // For how long it has been running its runner's process tells (step_done), not two times of a
  // wall clock that somebody may have set in between.  Of one that stood still for a part of that
  // nobody tells for how long: it gets its whole time again here, while its runner knows better.
  deadlines_.paused(id, job.head.is_paused());
  if (job.head.state == State::running && job.head.was_paused())
    deadlines_.running(id);
  else if (job.head.state == State::running)
    ran_before_.insert(id);
  if (job.head.cancel_requested) deadlines_.canceled(id);
}

bool Plan::reserve(const std::string& job_id) {
  if (closed_ || slots_.find(job_id)) return false;
  queue_.remove(job_id);
  slots_.open(job_id, "");
  return true;
}

bool Plan::has_runner(const std::string& job_id) const {
  const Slots::Slot* slot = slots_.find(job_id);
  return slot && slot->runner.pidfd;
}

void Plan::look_again(std::vector<std::string> passed_over) {
  for (auto& id : passed_over) arrivals_.push_back(std::move(id));
  for (auto& id : queue_.ids()) arrivals_.push_back(std::move(id));
}

void Plan::arrival_failed(const std::string& job_id, const std::string& trouble) {
  troubles_[job_id] = trouble;
  arrivals_.push_back(job_id);
}

// All that it still needs is to be looked at, and not only when the job is new: the look before may
// have failed half-way.
std::set<std::string> Plan::line_up(const std::string& job_id,
                                    const std::optional<JobQueue::Job>& job,
                                    Clock::time_point now) {
  troubles_.erase(job_id);
  if (!job) return queue_.remove(job_id), std::set<std::string>();
  if (slots_.find(job_id)) {  // held while it was being started: again when its slot is free
    arrivals_.push_back(job_id);
    return {};
  }
  queue_.put(*job, now);
  return queue_.find(job_id)->needs;
}

void Plan::need_ended(const std::string& job_id, bool succeeded, Clock::time_point now) {
  for (const auto& id : queue_.ended(job_id, succeeded)) endings_.need_failed(id, job_id, now);
}

std::vector<std::pair<std::string, Plan::Step>> Plan::take_steps(std::int64_t wall,
                                                                 Clock::time_point now) {
  std::vector<std::pair<std::string, Step>> out;
  auto running = slots_.per_queue();
  for (const auto& [queue, seen] : holders_) running[queue] = holders_of(queue).size();
  // By a claim that came to nothing: it may be had.
  const auto has_slot = [this](const JobQueue::Job& job) {
    const auto seen = holders_.find(job.queue);
    return seen != holders_.end() && seen->second.contains(job.id);
  };
  while (!closed_ && may_start_ && slots_.size() < max_running_) {
    const auto job = queue_.take(running, wall, now, has_slot);
    if (!job) break;
    running[job->queue] += !has_slot(*job);
    slots_.open(job->id, job->queue);  // at once: it is in no place else now
    out.emplace_back(job->id, Step::launch);
  }
  for (const auto& [id, step] : slots_.take_due(now)) out.emplace_back(id, step);
  return out;
}

void Plan::begin(const JobFixed& job) {
  slots_.begin(job.job_id, job.run_id);
  deadlines_.begin(job.job_id, timeout_of(job));
}

void Plan::step_done(const std::string& job_id, StepOutcome outcome, Clock::time_point now) {
  switch (outcome.next) {
    case StepOutcome::Next::watch:
      troubles_.erase(job_id);
      failed_starts_.erase(job_id);
      if (ran_before_.erase(job_id)) deadlines_.running(job_id, age_of(outcome.runner.process));
      return slots_.watch(job_id, std::move(outcome.runner));
    case StepOutcome::Next::look_again:
      return slots_.postpone(job_id, Step::settle, now + kLookAgain);
    case StepOutcome::Next::line_up:
      arrivals_.push_back(job_id);
      return release(job_id);
    case StepOutcome::Next::release:
      return release(job_id);
  }
}

void Plan::step_failed(const std::string& job_id, Step step, const std::string& trouble,
                       bool no_room, Clock::time_point now) {
  troubles_[job_id] = trouble;
  // Each start leaves its events in the log, and want of room may last for days.
  const int slower = no_room ? std::min(failed_starts_[job_id]++, kSlower) : 0;
  slots_.postpone(job_id, step, now + retry_ * (1 << slower));
}

void Plan::release(const std::string& job_id) {
  slots_.close(job_id);
  ran_before_.erase(job_id);
  failed_starts_.erase(job_id);
  deadlines_.end(job_id);
  troubles_.erase(job_id);
}

Ended Plan::ended(const std::string& job_id) const {
  const Slots::Slot* slot = slots_.find(job_id);
  return slot ? Ended{job_id, slot->run_id, slot->ended_well} : Ended{job_id, "", false};
}

std::map<std::string, int> Plan::pidfds() const {
  std::map<std::string, int> out;
  for (const auto& [id, slot] : slots_.all())
    if (slot.runner.pidfd) out.emplace(id, slot.runner.pidfd.get());
  return out;
}

std::map<std::string, std::string> Plan::runs() const {
  std::map<std::string, std::string> out;
  for (const auto& [id, slot] : slots_.all()) out.emplace(slot.run_id, id);
  return out;
}

std::optional<Overdue> Plan::overdue(const std::string& job_id) const {
  const Slots::Slot* slot = slots_.find(job_id);
  if (!slot || slot->run_id.empty()) return std::nullopt;
  const Process runner = slot->runner.pidfd ? slot->runner.process : Process{};
  return Overdue{job_id, slot->run_id, runner, deadlines_.verdict(job_id)};
}

Plan::Clock::time_point Plan::next(std::int64_t wall, Clock::time_point now) const {
  auto out = std::min({now + kLongest, slots_.next(), endings_.next(), deadlines_.next()});
  // A far time would overflow the clock.
  out = std::min(out, now + std::min<std::chrono::microseconds>(kLongest, queue_.wait(wall, now)));
  if (!arrivals_.empty() || !retries_.empty()) out = std::min(out, now + retry_);
  return out;
}

Waiting Plan::waiting(JobQueue::Job job, std::int64_t wall, Clock::time_point now) const {
  Waiting out;
  if (const auto trouble = troubles_.find(job.id); trouble != troubles_.end())
    out.trouble = trouble->second;
  if (const Slots::Slot* slot = slots_.find(job.id)) {
    out.start.emplace();
    if (slot->runner.pidfd)
      out.start->runner_for = std::chrono::duration_cast<std::chrono::seconds>(now - slot->since);
    return out;
  }
  if (const JobQueue::Job* queued = queue_.find(job.id)) job.needs = queued->needs;
  out.held = job.held;
  out.needs = std::move(job.needs);
  out.not_before = job.not_before;
  // Of a backoff it is told when it will be over by the clock as it is set now.
  auto left = queue_.backoff_left(job.id, now);
  if (!left) left = job.backoff;
  if (left) out.not_before = wall + left->count();
  out.now = wall;
  out.queue = job.queue;
  out.queue_limit = queue_.limit_of(job.queue);
  auto holders = holders_of(job.queue);
  holders.erase(job.id);
  out.queue_running = holders.size();
  out.running = slots_.size();
  out.max_running = max_running_;
  out.stopping = closed_;
  out.draining = !may_start_;
  return out;
}

Turn Plan::turn(const JobQueue::Job& job, std::int64_t wall, Clock::time_point now) const {
  Turn out;
  const Waiting why = waiting(job, wall, now);
  if (why.start) return out;
  out.ahead = queue_.ahead_of(job.id, wall, now);
  std::set<std::string> holders;
  if (why.is_queue_full()) holders = holders_of(job.queue), holders.erase(job.id);
  if (why.is_daemon_full())
    for (const auto& [id, slot] : slots_.all()) holders.insert(id);
  out.holders.assign(holders.begin(), holders.end());
  return out;
}

}  // namespace domed
