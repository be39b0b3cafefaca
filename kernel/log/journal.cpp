#include "log/journal.h"

#include <algorithm>
#include <future>
#include <set>

#include "log/refusal.h"
#include "protocol/job_id.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace domed {
namespace {

constexpr std::size_t kQueueCommands = 4096;
constexpr std::size_t kQueueBytes = 32u << 20;
constexpr std::size_t kCachedLogs = 4096;
constexpr int kAttempts = 3;

}  // namespace

Journal::Journal(Store& store, Environment& environment, Observer observer, Doubts doubts,
                 StoreWatch watch, News news)
    : store_(store),
      environment_(environment),
      observer_(std::move(observer)),
      news_(std::move(news)),
      doubts_(std::move(doubts)),
      watch_(std::move(watch)),
      incarnation_(store.incarnation()) {
  thread_ = std::thread([this] { work(); });
}

Journal::~Journal() {
  stop();
}

void Journal::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  renewers_.stop();
}

void Journal::submit(Command command) {
  push({std::move(command), {}, 0, {}}, true, false);
}

void Journal::submit_or_commit(Command command) {
  push({std::move(command), {}, 0, {}}, true, true);
}

void Journal::push(Queued queued, bool bounded, bool may_commit) {
  Round round;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) throw stopping_error();
    // `BackPressure`.  Some room is kept for connections of which nothing waits, and as much again
    // for such parties: they are refused when there are too many, not because others say too much.
    const Sender from = queued.command.from;
    const bool is_new = from.connection != 0 && !backlog_.has(from);
    const std::size_t more = !is_new ? 0 : backlog_.has_party(from) ? 1 : 2;  // eighths
    if (bounded && (backlog_.size() >= kQueueCommands + more * kQueueCommands / 8 ||
                    held_bytes_ >= kQueueBytes + more * kQueueBytes / 8))
      throw busy("the store cannot keep up: try again soon");
    queued.deadline = Clock::time_point::max();
    const std::size_t bytes = queued.command.bytes;
    held_bytes_ += bytes;
    const bool idle = !committing_ && backlog_.empty() && deferred_.empty() && parked_.empty();
    if (may_commit && idle && prompt_ && untold_.empty()) {
      committing_ = true;
      round.push_back(std::move(queued));
    } else {
      backlog_.push(from, bytes, std::move(queued), held_bytes_, Clock::now());
      if (!committing_) wake_.notify_one();  // else who commits looks at the queue
    }
  }
  if (!round.empty()) handle(round);
}

void Journal::run(const std::string& job_id, std::function<void(JobLog&)> change) {
  std::promise<void> promise;
  Command command;
  command.job_id = job_id;
  command.apply = [&](JobLog& log, bool) {
    change(log);
    return true;
  };
  command.done = [&](std::exception_ptr error) {
    error ? promise.set_exception(error) : promise.set_value();
  };
  push({std::move(command), {}, 0, {}}, false, false);
  promise.get_future().get();
}

void Journal::work() {
  Round round;
  while (next(round)) {
    if (Clock::now() >= look_at_) look_again();
    handle(round);
  }
}

// A round, from the queue to the answers.  Who runs it has set committing_, and works without the
// mutex: logs_, parked_ and deferred_ are its own until it gives committing_ back.  noexcept: half
// a round cannot be told from a whole one, but by a restart.
void Journal::handle(Round& round) noexcept {
  // Each command changes its job's log in memory, or is refused and undone.  What must wait for
  // another command leaves the round; what stays is answered by this commit.
  fold(round);

  std::vector<JobLog*> changed;
  std::set<JobLog*> seen;
  std::set<std::string> contested;                    // another writer was faster
  std::map<std::string, std::exception_ptr> damaged;  // what the store has of them, or beside them
  std::exception_ptr failure;
  try {
    // From here on, until the observer has heard of it, the store may know more of these jobs than
    // memory does.  So memory is told first, and stops to answer for them.
    std::vector<Entry> entries;
    for (const auto& queued : round) {
      const auto it = logs_.find(queued.command.job_id);
      if (it == logs_.end() || !it->second->changed() || !seen.insert(it->second.get()).second)
        continue;
      JobLog& log = *it->second;
      changed.push_back(&log);
      entries.push_back(log.entry(incarnation_));
      log.exclusive() || log.is_renamed() || !log.is_visible() ? doubts_.forget(log.job_id())
                                                               : doubts_.committing(log.job_id());
    }

    // `Durable`: nobody hears of a change before the store has it.
    const auto begin = Clock::now();
    const auto results = keep(entries, damaged);
    if (results.size() != changed.size())
      throw Error(Code::internal, "the store answered for another number of entries");
    if (!entries.empty()) {
      const auto took = Clock::now() - begin;
      tried(std::nullopt, took);
      std::size_t events = 0, bytes = 0;
      for (const Entry& entry : entries) events += entry.ends.size(), bytes += entry.events.size();
      watch_.kept(took, events, bytes);
    }

    // Followers before producers: whoever was answered finds everywhere what it was told.
    for (std::size_t i = 0; i < changed.size(); ++i) {
      if (is_done(*changed[i], results[i])) {
        publish(*changed[i]);
      } else {
        doubt(*changed[i]);
        if (!damaged.count(changed[i]->job_id())) contested.insert(changed[i]->job_id());
      }
    }
  } catch (const std::exception& e) {
    failure = as_refusal(e);
    failed(e);
    for (const JobLog* log : changed) doubt(*log);
  }

  // What memory thought of a job whose commit failed, or was contested, is wrong: it is read again.
  for (auto& queued : round) {
    const std::string& job_id = queued.command.job_id;
    const auto hurt = damaged.find(job_id);
    if (failure || hurt != damaged.end()) {
      doubts_.forget(job_id);
      logs_.erase(job_id);
      answer(queued, failure ? failure : hurt->second);
    } else if (!contested.count(job_id)) {
      answer(queued, queued.refused);
    } else if (++queued.attempts < kAttempts) {
      queued.refused = nullptr;
      deferred_.push_back(std::move(queued));
    } else {
      const Error error(Code::conflict, "another writer changes the same job");
      answer(queued, std::make_exception_ptr(store_failure(error)));
    }
  }
  for (const auto& job_id : contested) logs_.erase(job_id);
  forget_idle(round);
  round.clear();

  std::lock_guard lock(mutex_);
  committing_ = false;
  parks_ = parked_.size();
  const bool looks = look_at_ != Clock::time_point::max();
  const bool waits =
      !backlog_.empty() || !deferred_.empty() || !parked_.empty() || !renewed_.empty();
  if (waits || looks || stopping_) wake_.notify_one();
}

// Until nobody commits, and there are commands or a parked one is due.
void Journal::await_work(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    auto deadline = Clock::time_point::max();
    if (!committing_) {
      if (!backlog_.empty() || !deferred_.empty() || !renewed_.empty()) return;
      if (stopping_ && former_.empty()) return;
      deadline = look_at_;
      for (const auto& [id, waiting] : parked_)
        for (const auto& queued : waiting) deadline = std::min(deadline, queued.deadline);
      if (deadline <= Clock::now()) return;
    }
    if (deadline == Clock::time_point::max())
      wake_.wait(lock);
    else
      wake_.wait_until(lock, deadline);
  }
}

// False: stopped and drained.
bool Journal::next(Round& round) {
  std::unique_lock lock(mutex_);
  await_work(lock);
  const auto now = Clock::now();
  for (auto it = parked_.begin(); it != parked_.end();) {
    auto& waiting = it->second;
    const auto due = std::stable_partition(
        waiting.begin(), waiting.end(),
        [&](const Queued& queued) { return queued.deadline > now && !stopping_; });
    for (auto late = due; late != waiting.end(); ++late) {
      late->deadline = now;
      round.push_back(std::move(*late));
    }
    waiting.erase(due, waiting.end());
    it = waiting.empty() ? parked_.erase(it) : std::next(it);
  }
  take_renewed(round);
  for (auto& queued : deferred_) round.push_back(std::move(queued));
  deferred_.clear();
  backlog_.take(round, now);
  committing_ = true;
  return !round.empty() || !stopping_ || !parked_.empty() || !former_.empty();
}

// Leaves in "round" the commands that this commit answers.
void Journal::fold(Round& round) {
  fresh_.clear();
  Round done;
  std::deque<Queued> todo(std::make_move_iterator(round.begin()),
                          std::make_move_iterator(round.end()));
  std::set<std::string> held;
  while (!todo.empty()) {
    Queued queued = std::move(todo.front());
    todo.pop_front();
    const std::string job_id = queued.command.job_id;
    if (queued.refused) {  // its log could not be renewed
      done.push_back(std::move(queued));
      continue;
    }
    bool is_through = true;
    try {
      if (must_be_renewed(queued)) {
        if (former_[job_id].empty()) begin_renewal(job_id);
        former_[job_id].push_back(std::move(queued));
        continue;
      }
      if (held.count(job_id) || must_defer(queued, load(job_id))) {
        held.insert(job_id);
        deferred_.push_back(std::move(queued));
        continue;
      }
      is_through = apply_truly(queued);
    } catch (const std::exception& e) {
      // Damage is that job's own; else the store does not even answer.
      const auto* error = dynamic_cast<const Error*>(&e);
      if (error && error->code() != Code::corruption) tried(*error, {});
      queued.refused = as_refusal(e);
      done.push_back(std::move(queued));
      continue;
    }
    if (!is_through) {
      queued.deadline = std::min(queued.deadline, Clock::now() + limits::kGapWait);
      parked_[job_id].push_back(std::move(queued));
      continue;
    }
    done.push_back(std::move(queued));
    const auto waiting = parked_.find(job_id);
    if (waiting == parked_.end()) continue;
    for (auto it = waiting->second.rbegin(); it != waiting->second.rend(); ++it)
      todo.push_front(std::move(*it));
    parked_.erase(waiting);
  }
  round = std::move(done);
}

bool Journal::must_defer(const Queued& queued, const JobLog& log) const {
  if (!log.changed()) return false;
  return queued.command.exclusive || log.exclusive() ||
         log.pending_bytes() + queued.command.entry_bytes > kMaxEntryBytes;
}

bool Journal::apply(Queued& queued) {
  JobLog& log = *logs_.at(queued.command.job_id);
  auto mark = log.mark();
  const bool last_chance = queued.deadline <= Clock::now();
  try {
    return queued.command.apply(log, last_chance);
  } catch (const ApiError&) {
    queued.refused = std::current_exception();
  } catch (const std::exception& e) {
    queued.refused = std::make_exception_ptr(ApiError("E_INTERNAL", e.what()));
  }
  log.undo(std::move(mark));
  return true;
}

JobLog& Journal::load(const std::string& job_id) {
  auto& log = logs_[job_id];
  if (log) return *log;
  if (shared_) fresh_.insert(job_id);
  try {
    const auto record = store_.find(job_id);
    log = record ? std::make_unique<JobLog>(*record, environment_)
                 : std::make_unique<JobLog>(job_id, environment_);
  } catch (...) {
    logs_.erase(job_id);
    throw;
  }
  tell_late(*log);
  return *log;
}

// An engine that did not answer may have committed all the same; the revision tells, for no
// two entries give the same one, and a read that succeeds has settled it.
bool Journal::is_done(JobLog& log, Outcome outcome) try {
  if (outcome == Outcome::done) return true;
  return outcome == Outcome::unknown && log.is_kept_as(store_.find(log.job_id()));
} catch (const Error&) {
  return false;  // its commands are tried again, and find out
}

void Journal::answer(Queued& queued, std::exception_ptr error) {
  {
    std::lock_guard lock(mutex_);
    held_bytes_ -= queued.command.bytes;
  }
  queued.command.done(error);
}

void Journal::publish(JobLog& log) {
  const std::uint64_t first = log.pending_first();
  const bool was_visible = log.is_visible(), starts = log.starts();
  const auto lines = log.take_committed();
  untold_.erase(log.job_id());
  if (!was_visible || !log.exists() || is_kernels_own(log.job_id())) return;
  Commit commit = commit_of(log);
  if (shared_) commit.revision = log.stored_revision(), commit.node = log.head().node;
  commit.lines = lines;
  commit.first = first;
  commit.created = first == 1 && !lines->empty();
  commit.started = starts;
  commit.ended = is_terminal(commit.state) && !lines->empty();
  observer_(commit);
  if (news_ && (commit.created || commit.started || commit.ended)) news_(news_of(log));
}

// Any log can be read again: its record is whole in the store.
void Journal::forget_idle(const Round& round) {
  for (const auto& queued : round) {
    const auto it = logs_.find(queued.command.job_id);
    if (it != logs_.end() && it->second->is_over() && !it->second->changed()) logs_.erase(it);
  }
  for (auto it = logs_.begin(); logs_.size() > kCachedLogs && it != logs_.end();)
    it = it->second->changed() ? std::next(it) : logs_.erase(it);
}

}  // namespace domed
