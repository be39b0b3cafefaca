#include "log/elsewhere.h"

#include <algorithm>
#include <condition_variable>

#include "log/job_log.h"
#include "log/records.h"
#include "protocol/job_id.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kWait = 1s, kAfterFailure = 500ms;
// A wait that lasts for so long has no answer any more.
constexpr std::chrono::milliseconds kNoAnswer = 5s;
constexpr std::size_t kOwn = 4096, kHeads = 4096, kTold = 16'384;
constexpr std::chrono::milliseconds kBetweenLooks = 1s;

}  // namespace

// The cursor is taken here: what is committed from now on is told, whatever start() comes behind.
Elsewhere::Elsewhere(Watch& watch, const Store& store, Environment& environment, Hears hears,
                     std::function<Clock::time_point()> now)
    : watch_(watch),
      store_(store),
      environment_(environment),
      hears_(std::move(hears)),
      now_(std::move(now)) {
  cursor_ = watch_.wait("", 0ms).cursor;
}

void Elsewhere::own(const Commit& commit) {
  if (commit.revision.empty()) return;
  const std::lock_guard lock(mutex_);
  if (!own_.try_emplace(commit.revision, now_()).second) return;
  in_order_.push_back(commit.revision);
  if (in_order_.size() <= kOwn) return;
  own_.erase(in_order_.front());
  in_order_.pop_front();
}

bool Elsewhere::is_own(const Change& change) {
  std::optional<Clock::time_point> since;
  {
    const std::lock_guard lock(mutex_);
    const auto it = own_.find(change.revision);
    if (it != own_.end()) since = it->second;
  }
  if (!since) return false;
  if (has_grown(change.job_id, change.head_seq))
    measured(environment_.now(),
             std::chrono::duration_cast<std::chrono::microseconds>(now_() - *since));
  return true;
}

// Of a job that was not met before nobody knows.
bool Elsewhere::has_grown(const std::string& job_id, std::uint64_t head) {
  if (heads_.size() >= kHeads && !heads_.contains(job_id)) heads_.clear();
  const auto [it, is_new] = heads_.try_emplace(job_id, head);
  return std::exchange(it->second, head) < head && !is_new;
}

// The clocks of two machines may differ by some seconds: nothing is heard before it was said.
void Elsewhere::measured(std::int64_t came, std::chrono::microseconds age) {
  const std::int64_t now = environment_.now();
  const std::lock_guard lock(mutex_);
  // What came before it may be looked at behind it; not where a clock was set back.
  if (newest_ && newest_->came > came && newest_->came <= now) return;
  newest_ = Notice{came, std::max(age, std::chrono::microseconds(0))};
}

std::optional<Elsewhere::Notice> Elsewhere::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

void Elsewhere::answered(bool well) {
  const std::lock_guard lock(mutex_);
  fails_ = !well;
  if (well || !answered_) answered_ = now_();
}

std::optional<std::chrono::milliseconds> Elsewhere::deaf() const {
  const std::lock_guard lock(mutex_);
  if (!answered_) return std::nullopt;
  const auto silent = std::chrono::duration_cast<std::chrono::milliseconds>(now_() - *answered_);
  if (!fails_ && silent < kNoAnswer) return std::nullopt;
  return silent;
}

void Elsewhere::start() {
  answered(true);
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

void Elsewhere::stop() noexcept {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  watch_.interrupt();
  thread_.join();
}

// The cursor moves on when what it told was heard: after a failure the same is told again.
void Elsewhere::work(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  while (!stop.stop_requested()) try {
      const Changes changes = watch_.wait(cursor_, kWait);
      tell(changes);
      tell_what_is_due();
      cursor_ = changes.cursor;
      answered(true);
      hears_.tried(std::nullopt);
    } catch (const std::exception& e) {
      answered(false);
      const auto* error = dynamic_cast<const Error*>(&e);
      hears_.tried(error ? *error : Error(Code::internal, e.what()));
      std::unique_lock lock(mutex);
      never.wait_for(lock, stop, kAfterFailure, [] { return false; });
    }
}

// Of several changes of a job the last one is the one that counts.
void Elsewhere::tell(const Changes& changes) {
  if (changes.gap) hears_.gap(), tell_all();
  std::map<std::string, const Change*> newest;
  for (const Change& change : changes.changes) newest[change.job_id] = &change;
  for (const auto& [job_id, change] : newest) tell(*change);
}

void Elsewhere::tell(const Change& change) {
  if (is_kernels_own(change.job_id)) return hears_.own_record(change.job_id);
  if (is_own(change) || tells_growth(change)) return;
  if (const auto record = store_.find(change.job_id))
    tell(*record, Heard{change.head_seq, environment_.now()});
  else  // it was dropped
    told_.erase(change.job_id);
}

bool Elsewhere::tells_growth(const Change& change) {
  const auto it = told_.find(change.job_id);
  if (it == told_.end() || change.state != state_name(State::running)) return false;
  auto& [commit, looked, came, is_due] = it->second;
  const auto now = now_();
  if (now - looked >= kBetweenLooks) return false;
  if (!std::exchange(is_due, true)) due_.emplace_back(now + kBetweenLooks, change.job_id);
  if (change.head_seq <= commit.head) return true;
  commit.revision = change.revision;
  commit.head = change.head_seq, commit.first = commit.head + 1;
  came = environment_.now();
  hears_.grew(commit);
  return true;
}

// What was looked at since needs no look any more.
void Elsewhere::tell_what_is_due() {
  for (; !due_.empty() && due_.front().first <= now_(); due_.pop_front()) {
    const auto it = told_.find(due_.front().second);
    if (it == told_.end() || !it->second.is_due) continue;
    if (const auto record = store_.find(it->first))
      tell(*record, Heard{it->second.commit.head, it->second.came});
    else
      told_.erase(it);
  }
}

void Elsewhere::tell_all() {
  ListQuery query;
  query.unfinished = true;
  each_record(store_, query, [this](const JobRecord& record) {
    if (!is_kernels_own(record.job_id)) tell(record, std::nullopt);
    return true;
  });
}

// A damaged record tells nothing, and keeps no other job's waiting.
void Elsewhere::tell(const JobRecord& record, std::optional<Heard> heard) try {
  const JobLog log(record, environment_);
  if (!log.is_visible()) return;
  // A record that is newer than the notice is told of by another one.
  const JobHead& head = log.head();
  if (has_grown(record.job_id, head.head_seq) && heard && heard->head_seq == head.head_seq)
    measured(heard->came, std::chrono::microseconds(heard->came - head.last_ts));
  Commit commit = commit_of(log);
  commit.revision = record.revision;
  commit.node = log.head().node;
  commit.first = commit.head + 1;
  commit.ended = is_terminal(commit.state);
  hears_.changed(record, commit);
  if (!hears_.grew) return;
  if (commit.state != State::running || commit.node == hears_.node)
    told_.erase(commit.job_id);
  else if (told_.size() < kTold || told_.contains(commit.job_id))
    told_.insert_or_assign(commit.job_id, Told{commit, now_()});
} catch (const Error& e) {
  if (e.code() != Code::corruption) throw;
}

}  // namespace domed
