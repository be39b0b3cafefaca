#pragma once

// What every store checks alike.  A store may use it or not; the conformance
// suite looks at the outcome.

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domed/error.h"
#include "domed/store.h"

namespace domed {
namespace rules {

inline constexpr std::size_t kMaxJobId = 512;
inline constexpr std::size_t kMaxPage = 10000;

[[noreturn]] inline void refuse(const std::string& why) {
  throw Error(Code::invalid_argument, "the batch breaks the store interface: " + why);
}

// memchr sees every byte once, so that "no other LF" costs what a copy costs.
inline bool is_line(std::string_view events, std::size_t begin, std::size_t end) {
  if (end <= begin || end > events.size()) return false;
  const void* lf = std::memchr(events.data() + begin, '\n', end - begin);
  return lf == events.data() + end - 1;
}

inline void check_events(const Entry& entry) {
  if (entry.events.size() > kMaxEntryBytes)
    refuse("an entry has " + std::to_string(entry.events.size()) + " bytes of events, at most " +
           std::to_string(kMaxEntryBytes) + " are allowed");
  std::size_t begin = 0;
  for (const std::uint32_t end : entry.ends) {
    if (!is_line(entry.events, begin, end)) refuse("an offset in 'ends' does not end one line");
    begin = end;
  }
  if (begin != entry.events.size()) refuse("there are bytes behind the last offset in 'ends'");
}

inline void check_action(const Entry& entry) {
  const bool append = entry.action == Entry::Action::append;
  if (append && entry.expected_head == 0 && entry.ends.empty())
    refuse("a log is created without an event");
  if (!append && !(entry.events.empty() && entry.ends.empty()))
    refuse("a trim, purge or drop comes with events");
  if (append && entry.expected_head != 0 && entry.first_seq != 0)
    refuse("an append to a log that exists names a first seq");
  if (entry.action == Entry::Action::trim &&
      (entry.first_seq == 0 || entry.first_seq > entry.expected_head + 1))
    refuse("a trim to seq " + std::to_string(entry.first_seq) + ", beyond 1 to head + 1");
}

inline void check_entry(const Entry& entry) {
  if (entry.job_id.empty() || entry.job_id.size() > kMaxJobId)
    refuse("a job id has " + std::to_string(entry.job_id.size()) + " bytes, not 1 to 512");
  for (const std::string& label : entry.columns.labels)
    if (label.find('\n') != std::string::npos) refuse("a label contains LF");
  check_events(entry);
  check_action(entry);
}

inline void check_different(std::span<const Entry> entries) {
  std::vector<std::string_view> ids;
  ids.reserve(entries.size());
  for (const Entry& entry : entries) ids.push_back(entry.job_id);
  std::sort(ids.begin(), ids.end());
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) refuse("two entries for one job");
}

}  // namespace rules

// Throws Error(invalid_argument) where "entries" break a rule of domed/store.h
// that can be checked without looking at what is stored.
inline void check_batch(std::span<const Entry> entries) {
  for (const Entry& entry : entries) rules::check_entry(entry);
  rules::check_different(entries);
}

inline void check_query(const ListQuery& query) {
  if (query.limit < 1 || query.limit > rules::kMaxPage)
    throw Error(Code::invalid_argument,
                "a page of " + std::to_string(query.limit) + " records, not 1 to 10000");
}

// Whether a page that holds "count" records takes "record" too; adds what it
// takes to "bytes".
inline bool page_takes(const ListQuery& query, std::size_t count, std::size_t& bytes,
                       const JobRecord& record) {
  bytes += record.fixed.size() + record.head.size();
  return count == 0 || bytes <= query.max_bytes;
}

// Two jobs of one "created" could not be told apart by a page that goes on
// "before" the last one it showed.
[[noreturn]] inline void refuse_created(std::int64_t created) {
  rules::refuse("created " + std::to_string(created) + " belongs to another job");
}

// Whether "entry" must be refused as a conflict, given the job as it is
// ("exists" covers tombstones).
inline bool conflicts(const Entry& entry, bool exists, bool tombstone, std::uint64_t head) {
  if (entry.ends.size() > kMaxSeq - std::min(entry.base(), kMaxSeq)) return true;
  if (entry.action == Entry::Action::append && entry.expected_head == 0) return exists;
  const bool wants_tombstone = entry.action == Entry::Action::drop;
  return !exists || tombstone != wants_tombstone || head != entry.expected_head;
}

}  // namespace domed
