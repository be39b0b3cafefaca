#include "log/elsewhere.h"

#include <condition_variable>
#include <map>

#include "log/job_log.h"
#include "log/records.h"
#include "protocol/job_id.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kWait = 1s, kAfterFailure = 500ms;
constexpr std::size_t kOwn = 4096;

}  // namespace

// The cursor is taken here: what is committed from now on is told, whatever start() comes behind.
Elsewhere::Elsewhere(Watch& watch, const Store& store, Environment& environment, Hears hears)
    : watch_(watch), store_(store), environment_(environment), hears_(std::move(hears)) {
  cursor_ = watch_.wait("", 0ms).cursor;
}

void Elsewhere::own(const Commit& commit) {
  if (commit.revision.empty()) return;
  const std::lock_guard lock(mutex_);
  if (!own_.insert(commit.revision).second) return;
  in_order_.push_back(commit.revision);
  if (in_order_.size() <= kOwn) return;
  own_.erase(in_order_.front());
  in_order_.pop_front();
}

bool Elsewhere::is_own(const std::string& revision) {
  const std::lock_guard lock(mutex_);
  return own_.contains(revision);
}

void Elsewhere::start() {
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
      cursor_ = changes.cursor;
      hears_.tried(std::nullopt);
    } catch (const std::exception& e) {
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
  if (is_kernels_own(change.job_id) || is_own(change.revision)) return;
  if (const auto record = store_.find(change.job_id)) tell(*record);  // else it was dropped
}

void Elsewhere::tell_all() {
  ListQuery query;
  query.unfinished = true;
  each_record(store_, query, [this](const JobRecord& record) {
    if (!is_kernels_own(record.job_id)) tell(record);
    return true;
  });
}

// A damaged record tells nothing, and keeps no other job's waiting.
void Elsewhere::tell(const JobRecord& record) try {
  const JobLog log(record, environment_);
  if (!log.is_visible()) return;
  Commit commit = commit_of(log);
  commit.revision = record.revision;
  commit.node = log.head().node;
  commit.first = commit.head + 1;
  commit.ended = is_terminal(commit.state);
  hears_.changed(record, commit);
} catch (const Error& e) {
  if (e.code() != Code::corruption) throw;
}

}  // namespace domed
