#include "late_store.h"

#include <filesystem>

#include "domed/store_rules.h"

namespace mutants {

Late::Told::Told(const Entry& entry)
    : plain(entry),
      job_id(entry.job_id),
      expected_revision(entry.expected_revision),
      revision(entry.revision),
      events(entry.events),
      head(entry.head),
      ends(entry.ends.begin(), entry.ends.end()),
      fixed(entry.fixed) {}

Entry Late::Told::entry() const {
  Entry entry = plain;
  entry.job_id = job_id;
  entry.expected_revision = expected_revision;
  entry.revision = revision;
  entry.events = events;
  entry.head = head;
  entry.ends = ends;
  if (fixed) entry.fixed = *fixed;
  return entry;
}

// What a batch may not be is known before the engine is asked.
void Late::check(std::span<const Entry> entries) const {
  domed::check_batch(entries);
  for (const Entry& entry : entries) {
    const JobRecord job = record_of(entry.job_id);
    const domed::Present present{job.revision, job.head_seq, job.tombstone};
    if (!domed::conflicts(entry, present)) domed::check_present(entry, present);
  }
}

Outcomes Late::commit(std::span<const Entry> entries) {
  settle();
  check(entries);
  if (entries.empty() || !std::filesystem::remove(disturbed_)) return inner_->commit(entries);
  const std::lock_guard lock(mutex_);
  refusals_ = 2;
  const int fate = times_++ % 3;
  if (fate == 1) inner_->commit(entries);
  if (fate == 0)
    for (const Entry& entry : entries) told_.emplace_back(entry);
  return Outcomes(entries.size(), answer());
}

void Late::land() const {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> entries;
  for (const Told& told : told_) entries.push_back(told.entry());
  if (!entries.empty()) inner_->commit(entries);
  told_.clear();
}

void Late::settle() const {
  {
    const std::lock_guard lock(mutex_);
    if (refusals_ > 0) {
      --refusals_;
      throw Error(Code::io, "the engine does not answer");
    }
  }
  land();
}

std::optional<Slice> Late::read(std::string_view id, std::uint64_t from, std::size_t max_events,
                                std::size_t max_bytes, Direction direction) const {
  settle();
  auto slice = inner_->read(id, from, max_events, max_bytes, direction);
  answered();
  return slice;
}

std::optional<JobRecord> Late::find(std::string_view id) const {
  settle();
  auto record = inner_->find(id);
  answered();
  return record;
}

Page Late::list(const ListQuery& query) const {
  settle();
  Page page = inner_->list(query);
  answered();
  return page;
}

void Stale::check() const {
  const std::lock_guard lock(mutex_);
  if (std::filesystem::remove(disturbed_)) stale_ = true;
  if (!stale_) return;
  stale_ = !goes_on();
  throw Error(Code::stale, "the engine has lost what was acknowledged: open it anew");
}

Outcomes Stale::commit(std::span<const Entry> entries) {
  check();
  return inner_->commit(entries);
}

std::optional<Slice> Stale::read(std::string_view id, std::uint64_t from, std::size_t max_events,
                                 std::size_t max_bytes, Direction direction) const {
  check();
  return inner_->read(id, from, max_events, max_bytes, direction);
}

std::optional<JobRecord> Stale::find(std::string_view id) const {
  check();
  return inner_->find(id);
}

Page Stale::list(const ListQuery& query) const {
  check();
  return inner_->list(query);
}

}  // namespace mutants
