#include "jobs/retention.h"

#include <algorithm>
#include <future>

#include "base/units.h"
#include "log/records.h"
#include "protocol/api_error.h"

namespace domed {
namespace {

constexpr std::uint64_t kPart = 10;  // of what there is one may go at once

// By the time of the purge: it is from then on that a repeated request must be recognised.  One
// that is damaged stays: when it was purged is not known.
bool was_purged_before(const JobRecord& record, std::int64_t cutoff) try {
  return head_of(record).purged < cutoff;
} catch (const Error&) {
  return false;
}

// An imported job may have ended long ago; it is as old as its import.
bool ended_before(const JobRecord& record, std::int64_t cutoff) try {
  const JobHead head = head_of(record);
  return !record.columns.unfinished && std::max(head.ended, head.recorded) < cutoff;
} catch (const Error&) {
  return false;  // damaged: when it ended is not known
}

// Of a log from before that was counted, about.
std::uint64_t bytes_of(const JobRecord& record) try {
  const JobHead head = head_of(record);
  if (head.bytes != 0) return head.bytes;
  std::uint64_t out = 150 * (head.head_seq + 1 - std::min(head.first_seq, head.head_seq + 1));
  for (const auto& stream : head.streams) out += stream.bytes;
  return out;
} catch (const Error&) {
  return 0;
}

}  // namespace

void Retention::run(std::int64_t wall, BootClock::time_point now,
                    const std::function<void(const std::string&)>& deleted,
                    const std::function<bool()>& stop) {
  const bool by_age = limits_.keep_finished.count() > 0;
  const bool by_time = by_age || limits_.keep_tombstones.count() > 0;
  // Looked at in each pass, also one that finds nothing: a jump is seen against the pass before.
  const auto ahead = by_time ? clock_.ahead(wall, now, clock_.is_new() ? newest() : std::nullopt)
                             : std::chrono::microseconds(0);
  const std::int64_t cutoff = wall - limits_.keep_finished.count();
  const Aged is_aged = [&](const JobRecord& record) {
    return by_age && ended_before(record, cutoff);
  };
  Allowance allowed;
  if (by_age && ahead.count() > 0) {
    allowed = allowance(false, is_aged, stop);
    warn_of("finished jobs", allowed, ahead);
  }
  std::uint64_t kept = 0, bytes = 0, aged = 0;
  each_record(store_, {}, [&](const JobRecord& record) {
    if (stop()) return false;
    if (record.columns.unfinished) return true;
    ++kept, bytes += bytes_of(record);
    const bool surplus = (limits_.keep_jobs && kept > limits_.keep_jobs) ||
                         (limits_.keep_bytes && kept > 1 && bytes > limits_.keep_bytes);
    // Newest first, so that those which are spared come before the oldest.
    const bool old = is_aged(record) && ++aged > allowed.spared;
    if ((surplus || old) && purge(record.job_id)) deleted(record.job_id);
    return true;
  });
  if (limits_.keep_tombstones.count())
    drop_tombstones(wall - limits_.keep_tombstones.count(), ahead, stop);
}

void Retention::drop_tombstones(std::int64_t before, std::chrono::microseconds ahead,
                                const std::function<bool()>& stop) {
  const Aged is_aged = [&](const JobRecord& record) { return was_purged_before(record, before); };
  Allowance allowed;
  if (ahead.count() > 0) {
    allowed = allowance(true, is_aged, stop);
    warn_of("tombstones of deleted jobs", allowed, ahead);
  }
  ListQuery tombstones;
  tombstones.tombstones = true;
  std::uint64_t aged = 0;
  each_record(store_, tombstones, [&](const JobRecord& record) {
    if (stop()) return false;
    if (is_aged(record) && ++aged > allowed.spared)
      journal_.run(record.job_id, [](JobLog& log) { log.drop(); });
    return true;
  });
}

// The newest time of all jobs, deleted ones too; nullopt where there is none.
std::optional<std::int64_t> Retention::newest() const {
  std::optional<std::int64_t> out;
  for (const bool tombstones : {false, true}) {
    ListQuery query;
    query.tombstones = tombstones;
    each_record(store_, query, [&](const JobRecord& record) {
      try {
        const JobHead head = head_of(record);
        const std::int64_t time = std::max(head.last_ts, head.purged ? head.purged : head.last_ts);
        out = std::max(out.value_or(time), time);
      } catch (const Error&) {  // damaged: it tells nothing
      }
      return true;
    });
  }
  return out;
}

Retention::Allowance Retention::allowance(bool tombstones, const Aged& is_aged,
                                          const std::function<bool()>& stop) {
  ListQuery query;
  query.tombstones = tombstones;
  std::uint64_t all = 0;
  Allowance out;
  each_record(store_, query, [&](const JobRecord& record) {
    all += tombstones || !record.columns.unfinished;
    out.aged += is_aged(record);
    return !stop();
  });
  out.spared = out.aged - std::min(out.aged, all / kPart);
  return out;
}

void Retention::warn_of(const char* what, const Allowance& allowance,
                        std::chrono::microseconds ahead) const {
  if (allowance.spared == 0) return;
  warn_("retention: the wall clock is " + format_duration(ahead) +
        " ahead of what the store and this machine's uptime let expect, so that " +
        std::to_string(allowance.aged) + " " + what + " seem too old; " +
        std::to_string(allowance.aged - allowance.spared) +
        " are deleted now, at most a tenth at once, until the clock has gone on so for a day: set "
        "it right if it is wrong");
}

// False: somebody else was faster.
bool Retention::purge(const std::string& job_id) try {
  std::promise<void> promise;
  Journal::Command command;
  command.job_id = job_id;
  command.exclusive = true;
  command.apply = [](JobLog& log, bool) {
    log.purge();
    return true;
  };
  command.done = [&](std::exception_ptr e) { e ? promise.set_exception(e) : promise.set_value(); };
  journal_.submit(std::move(command));
  promise.get_future().get();
  return true;
} catch (const ApiError& e) {
  if (e.retryable()) throw;
  return false;
}

}  // namespace domed
