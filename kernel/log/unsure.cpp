// The part of Journal that deals with a store which fails, answers late, or has lost a part of what
// it had acknowledged.
#include <algorithm>
#include <future>

#include "log/journal.h"
#include "log/records.h"
#include "log/refusal.h"
#include "protocol/job_id.h"

namespace domed {
namespace {

// A commit that takes longer is not made on a caller's thread: a local disk takes a millisecond.
constexpr std::chrono::milliseconds kPrompt{20};
constexpr std::chrono::milliseconds kFirstLook{50}, kLongestPause{2000};
constexpr std::chrono::milliseconds kWellAfter{2000};  // the last failure

// Of the lines that "record" tells of, on top of "digest".
Digest digest_of_lines(const Store& store, const JobRecord& record, Digest digest) {
  const auto add = [&](std::string_view line) { digest = chain(digest, line); };
  if (!each_line(store, record.job_id, record.first_seq, record.head_seq + 1, add))
    throw Error(Code::corruption,
                "events of job '" + record.job_id +
                    "' are missing, so that its log cannot be given the new log_id that it needs "
                    "after the store lost a part: restore it from a backup");
  return digest;
}

}  // namespace

// What is damaged of one job must not stop the others, whose entries only came at the same time:
// a batch that is refused for it is given entry by entry.  Nothing of it was kept as a whole.
std::vector<Outcome> Journal::keep(std::span<const Entry> entries,
                                   std::map<std::string, std::exception_ptr>& damaged) {
  if (entries.empty()) return {};
  try {
    return store_.commit(entries);
  } catch (const Error& e) {
    if (e.code() != Code::corruption || entries.size() == 1) throw;
  }
  std::vector<Outcome> out;
  for (const Entry& entry : entries) try {
      out.push_back(store_.commit({&entry, 1}).at(0));
    } catch (const Error& e) {
      if (e.code() != Code::corruption) throw;
      damaged[std::string(entry.job_id)] = as_refusal(e);
      out.push_back(Outcome::conflict);
    }
  return out;
}

// `Identity`, in the order of arrival: what comes meanwhile waits behind what came before.
bool Journal::must_be_renewed(const Queued& queued) {
  const std::string& job_id = queued.command.job_id;
  if (queued.command.renews) return false;
  const JobLog& log = load(job_id);
  return former_.count(job_id) || (log.exists() && is_of_former_life(log.head(), incarnation_));
}

// On another thread, for it reads the whole log.
void Journal::begin_renewal(const std::string& job_id) {
  const auto finished = [this, job_id](std::exception_ptr error) {
    std::lock_guard lock(mutex_);
    renewed_[job_id] = error;
    wake_.notify_one();
  };
  renewers_.run([this, job_id, finished] {
    try {
      renew(job_id);
      finished(nullptr);
    } catch (const ApiError&) {
      finished(std::current_exception());
    } catch (const std::exception& e) {
      finished(as_refusal(e));
    }
  });
}

// With the mutex held.
void Journal::take_renewed(Round& round) {
  for (auto& [job_id, error] : std::exchange(renewed_, {})) {
    const auto waiting = former_.extract(job_id);
    for (auto& queued : waiting.mapped()) {
      queued.refused = error;
      round.push_back(std::move(queued));
    }
  }
}

void Journal::renew(const std::string& job_id) {
  const auto record = store_.find(job_id);
  if (!record || record->tombstone) return;
  const JobHead head = head_of(*record);
  if (!is_of_former_life(head, incarnation_)) return;
  const std::string log_id = environment_.random_id();
  const Digest base = head.first_seq == 1 ? base_of(log_id) : head.base_digest;
  const Digest digest = digest_of_lines(store_, *record, base);
  std::promise<void> promise;
  Command command;
  command.job_id = job_id;
  command.renews = true;
  // Whoever is first names it.  The lines are those that were read: in its former life nothing is
  // appended to it.
  command.apply = [&](JobLog& log, bool) {
    if (log.exists() && is_of_former_life(log.head(), incarnation_)) log.become(log_id, digest);
    return true;
  };
  command.done = [&](std::exception_ptr error) {
    error ? promise.set_exception(error) : promise.set_value();
  };
  push({std::move(command), {}, 0, {}}, false, false);
  promise.get_future().get();
}

// Memory stops to answer for the job, and what the store has of it is yet to be told.
void Journal::doubt(const JobLog& log) {
  doubts_.forget(log.job_id());
  untold_.try_emplace(log.job_id(), log.stored_revision());
  look_at_ = std::min(look_at_, Clock::now() + std::max<Clock::duration>(pause_, kFirstLook));
}

// "log" was just read.
void Journal::tell_late(const JobLog& log) {
  const auto it = untold_.find(log.job_id());
  if (it == untold_.end()) return;
  const bool changed = log.stored_revision() != it->second, created = it->second.empty();
  untold_.erase(it);
  if (!changed || !log.is_visible() || is_kernels_own(log.job_id())) return;
  Commit commit = commit_of(log);
  commit.first = commit.head + 1;
  commit.created = created;
  commit.ended = is_terminal(commit.state);
  observer_(commit);
}

// Whether or not anybody asks for these jobs again.
void Journal::look_again() {
  look_at_ = Clock::time_point::max();
  try {
    while (!untold_.empty()) {
      const std::string job_id = untold_.begin()->first;
      logs_.erase(job_id);
      try {
        load(job_id);
      } catch (const Error& e) {
        // A record that is damaged tells nothing, and keeps nobody else waiting.
        if (e.code() != Code::corruption) throw;
        untold_.erase(job_id);
      }
    }
    if (failing_) {
      watch_.probe();
      tried(std::nullopt, {});
    }
  } catch (const std::exception& e) {
    failed(e);
  }
}

void Journal::failed(const std::exception& e) {
  const auto* error = dynamic_cast<const Error*>(&e);
  tried(error ? *error : Error(Code::internal, e.what()), {});
}

// How quick it was decides who makes the next commit.
void Journal::tried(const std::optional<Error>& failure, Clock::duration took) {
  const auto now = Clock::now();
  prompt_ = !failure && took <= kPrompt;
  if (failure) failed_at_ = now;
  // A full disk has room for one more small thing now and then, which is no sign of health.
  failing_ = failure || (failing_ && now < failed_at_ + kWellAfter);
  if (failure || !failing_) watch_.tried(failure);
  if (!failing_) {
    pause_ = {};
    return;
  }
  pause_ = std::clamp<Clock::duration>(pause_ * 2, kFirstLook, kLongestPause);
  look_at_ = std::min(look_at_, Clock::now() + pause_);
}

}  // namespace domed
