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
#include "domed/leases.h"
#include "domed/store.h"

namespace domed {
namespace rules {

inline constexpr std::size_t kMaxJobId = 512;
inline constexpr std::size_t kMaxPage = 10000;
inline constexpr std::size_t kMaxLeaseName = 1024;

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
  const bool creates = append && entry.expected_revision.empty();
  if (creates && entry.ends.empty()) refuse("a log is created without an event");
  if (!append && entry.expected_revision.empty())
    refuse("a trim, purge or drop does not say of which revision");
  if (!append && !(entry.events.empty() && entry.ends.empty()))
    refuse("a trim, purge or drop comes with events");
  if (append && (entry.base > kMaxSeq || entry.ends.size() > kMaxSeq - entry.base))
    refuse("the log would go beyond seq " + std::to_string(kMaxSeq));
  if (entry.action == Entry::Action::trim && entry.first_seq == 0) refuse("a trim to seq 0");
}

inline void check_revisions(const Entry& entry) {
  const std::size_t expected = entry.expected_revision.size();
  if (expected != 0 && expected != kRevisionBytes)
    refuse("an expected revision has " + std::to_string(expected) + " bytes");
  if (entry.action != Entry::Action::drop && entry.revision.size() != kRevisionBytes)
    refuse("a revision has " + std::to_string(entry.revision.size()) + " bytes");
}

inline void check_tags(const std::vector<std::string>& tags) {
  if (tags.size() > kMaxTags) refuse("a job has " + std::to_string(tags.size()) + " tags");
  std::vector<std::string_view> sorted(tags.begin(), tags.end());
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) refuse("a tag comes twice");
  for (const std::string& tag : tags)
    if (tag.empty() || tag.size() > kMaxTagBytes)
      refuse("a tag has " + std::to_string(tag.size()) + " bytes, not 1 to " +
             std::to_string(kMaxTagBytes));
}

inline void check_entry(const Entry& entry) {
  if (entry.job_id.empty() || entry.job_id.size() > kMaxJobId)
    refuse("a job id has " + std::to_string(entry.job_id.size()) + " bytes, not 1 to 512");
  check_revisions(entry);
  check_tags(entry.columns.tags);
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
  const auto refuse = [](const std::string& why) {
    throw Error(Code::invalid_argument, "the query breaks the store interface: " + why);
  };
  if (query.limit < 1 || query.limit > rules::kMaxPage)
    refuse("a page of " + std::to_string(query.limit) + " records, not 1 to 10000");
  if (query.tags.size() > 2) refuse(std::to_string(query.tags.size()) + " tags, at most 2");
  if (!query.after_id.empty() && query.id_prefix.empty()) refuse("after_id goes with an id_prefix");
  if (!query.id_prefix.empty() && (query.before != 0 || !query.before_id.empty()))
    refuse("a page of an id_prefix goes on after_id, not before a time");
}

inline void check_lease(std::string_view name, std::string_view holder, std::string_view text) {
  const auto check = [](const char* what, std::size_t size, std::size_t least, std::size_t most) {
    if (size < least || size > most)
      throw Error(Code::invalid_argument,
                  std::string("a lease's ") + what + " has " + std::to_string(size) +
                      " bytes, not " + std::to_string(least) + " to " + std::to_string(most));
  };
  check("name", name.size(), 1, rules::kMaxLeaseName);
  check("holder", holder.size(), 1, rules::kMaxLeaseName);
  check("text", text.size(), 0, kMaxLeaseText);
}

// Whether a job or tombstone of "columns" is one that "query" asks for, its place in the order
// aside.
inline bool matches(const ListQuery& query, const JobColumns& columns, bool tombstone) {
  const auto has = [&](const std::string& tag) {
    return std::find(columns.tags.begin(), columns.tags.end(), tag) != columns.tags.end();
  };
  return tombstone == query.tombstones && (!query.unfinished || columns.unfinished) &&
         (query.state.empty() || columns.state == query.state) &&
         (query.since == 0 || columns.created >= query.since) &&
         std::all_of(query.tags.begin(), query.tags.end(), has);
}
inline bool matches(const ListQuery& query, const JobRecord& record) {
  return matches(query, record.columns, record.tombstone);
}

// Whether a page that holds "count" records takes "record" too; adds what it
// takes to "bytes".
inline bool page_takes(const ListQuery& query, std::size_t count, std::size_t& bytes,
                       const JobRecord& record) {
  bytes += record.fixed.size() + record.head.size();
  return count == 0 || bytes <= query.max_bytes;
}

// Ends "page" behind the job at this place, with which it is done.
inline void end_page(const ListQuery& query, std::int64_t created, const std::string& job_id,
                     JobPage& page) {
  page.more = true;
  if (query.id_prefix.empty())
    page.before = created, page.before_id = job_id;
  else
    page.after_id = job_id;
}

// Makes "query" that of the page behind "page", which has more.
inline void go_on(const JobPage& page, ListQuery& query) {
  query.before = page.before;
  query.before_id = page.before_id;
  query.after_id = page.after_id;
}

// The job as an entry finds it; empty: there is neither job nor tombstone.
struct Present {
  std::string_view revision;
  std::uint64_t head_seq = 0;
  bool tombstone = false;
};

// Whether "entry" is a conflict.
inline bool conflicts(const Entry& entry, const Present& present) {
  if (entry.expected_revision != present.revision) return true;
  if (present.revision.empty()) return false;
  return present.tombstone != (entry.action == Entry::Action::drop);
}

// Throws Error(invalid_argument) where "entry", which is no conflict, breaks a rule that
// only the job can tell.
inline void check_present(const Entry& entry, const Present& present) {
  if (present.revision.empty()) return;
  if (entry.action == Entry::Action::append && entry.base != present.head_seq)
    rules::refuse("an append behind seq " + std::to_string(entry.base) +
                  " to a log with the head " + std::to_string(present.head_seq));
  if (entry.action == Entry::Action::trim && entry.first_seq > present.head_seq + 1)
    rules::refuse("a trim to seq " + std::to_string(entry.first_seq) + ", beyond head + 1");
}

}  // namespace domed
