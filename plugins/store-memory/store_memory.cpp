#include "store_memory.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <random>
#include <tuple>
#include <utility>

#include "domed/store_rules.h"
#include "guarded.h"

namespace domed {
namespace {

// A chunk is filled up to here; an entry that does not fit begins another one, however long it is.
// Smaller ones would make a page many copies, larger ones would make a trim copy more: it rewrites
// the rest of the chunk that it cuts.
constexpr std::size_t kChunkBytes = 64 * 1024;

// Of a page, each a search of the index or the next of all ids: a few milliseconds at a million
// jobs.
constexpr std::size_t kMostLooks = 1000;

// Doubles up to a whole chunk, so that full chunks waste nothing and small
// jobs little.
template <class C>
void make_room(C& container, std::size_t more, std::size_t most) {
  const std::size_t need = container.size() + more;
  if (need <= container.capacity()) return;
  container.reserve(std::max(need, std::min(2 * container.capacity(), most)));
}

void extend(std::string& lines, std::vector<std::uint32_t>& ends, const Entry& entry) {
  const auto base = static_cast<std::uint32_t>(lines.size());
  lines.append(entry.events);
  for (const std::uint32_t end : entry.ends) ends.push_back(base + end);
}

// What this object holds goes with it, so each has a history of its own.
std::string new_incarnation() {
  std::random_device random;
  std::string name = "memory-";
  for (int i = 0; i < 8; ++i) {
    constexpr auto kDigits = "0123456789abcdef";
    const unsigned bits = random();
    for (int shift = 0; shift < 16; shift += 4) name += kDigits[bits >> shift & 15];
  }
  return name;
}

Present present(const JobRecord& record) {
  return {record.revision, record.head_seq, record.tombstone};
}

}  // namespace

StoreMemory::StoreMemory() : incarnation_(new_incarnation()) {}

std::vector<Outcome> StoreMemory::commit(std::span<const Entry> entries) {
  return guarded([&] {
    check_batch(entries);
    Batch batch;
    for (const Entry& entry : entries) batch.outcomes.push_back(stage(entry, batch));
    apply(batch);
    return std::move(batch.outcomes);
  });
}

Outcome StoreMemory::stage(const Entry& entry, Batch& batch) {
  // Against what is there before the batch: its entries are for different jobs (check_batch), so
  // that what becomes of one cannot depend on another. A throw leaves nothing behind but a batch
  // that is forgotten.
  const auto it = jobs_.find(entry.job_id);
  const Present found = it == jobs_.end() ? Present{} : present(it->second.record);
  if (conflicts(entry, found)) return Outcome::conflict;
  check_present(entry, found);
  Job& job = it == jobs_.end() ? batch.jobs[std::string(entry.job_id)] : it->second;
  if (it == jobs_.end()) {
    job.record.job_id = entry.job_id;
    job.record.first_seq = entry.base + 1;
  }
  batch.changes.push_back(change_of(entry, job));
  return Outcome::done;
}

StoreMemory::Change StoreMemory::change_of(const Entry& entry, Job& job) {
  Change change;
  change.entry = &entry;
  change.job = &job;
  if (entry.action == Entry::Action::drop) return change;
  change.head = entry.head;
  change.revision = entry.revision;
  if (entry.fixed) change.fixed.emplace(*entry.fixed);
  if (entry.action == Entry::Action::append) stage_lines(change);
  if (entry.action == Entry::Action::trim) stage_cut(change);
  stage_columns(change);
  return change;
}

template <class Each>
void StoreMemory::each_group(const JobColumns& columns, bool tombstone, Each&& each) {
  // In no other group: a query is for tombstones or for jobs, never for both.
  if (tombstone) return each(Group{Group::tombstones, {}});
  each(Group{Group::all, {}});
  if (columns.unfinished) each(Group{Group::unfinished, {}});
  each(Group{Group::in_state, columns.state});
  for (const std::string& tag : columns.tags) each(Group{Group::tagged, tag});
}

// Nearly every append leaves the columns as they are, and the index with them.
void StoreMemory::stage_columns(Change& change) {
  const Entry& entry = *change.entry;
  const JobColumns* old = change.job->columns.get();
  // A purge takes the job to another group, even where its columns stay as they are.
  const bool purge = entry.action == Entry::Action::purge;
  if (old && !purge && old->unfinished == entry.columns.unfinished &&
      old->state == entry.columns.state && old->tags == entry.columns.tags)
    return;
  auto columns = std::make_unique<JobColumns>(entry.columns);
  // Given at creation only (domed/store.h).
  if (old) columns->created = old->created;
  each_group(*columns, purge, [&](const Group& group) {
    change.index.insert({group, {columns->created, change.job->record.job_id}, change.job});
  });
  change.columns = std::move(columns);
}

void StoreMemory::stage_lines(Change& change) {
  const Entry& entry = *change.entry;
  Chunks& chunks = change.job->chunks;
  if (entry.ends.empty()) return;
  if (!chunks.empty() &&
      chunks.rbegin()->second.lines.size() + entry.events.size() <= kChunkBytes) {
    change.extended = &chunks.rbegin()->second;
    return;
  }
  Chunk& chunk = change.added[entry.base + 1];
  extend(chunk.lines, chunk.ends, entry);
}

// The chunk that the new first seq falls into is replaced by its rest.
void StoreMemory::stage_cut(Change& change) {
  const std::uint64_t first = change.entry->first_seq;
  const Chunks& chunks = change.job->chunks;
  auto it = chunks.upper_bound(first);
  if (it == chunks.begin() || (--it)->first == first) return;
  const auto& [seq, chunk] = *it;
  const std::size_t skipped = first - seq;
  if (skipped >= chunk.ends.size()) return;
  const std::uint32_t offset = chunk.ends[skipped - 1];
  Chunk& rest = change.added[first];
  rest.lines = chunk.lines.substr(offset);
  for (std::size_t i = skipped; i < chunk.ends.size(); ++i)
    rest.ends.push_back(chunk.ends[i] - offset);
}

void StoreMemory::apply(Batch& batch) {
  // Under the lock, for readers look at the bytes that move; and for all jobs before the first is
  // changed, since this is the last that needs memory. Below, merge() moves nodes that were made
  // while staging.
  std::unique_lock lock(mutex_);
  for (Change& change : batch.changes) {
    if (!change.extended) continue;
    make_room(change.extended->lines, change.entry->events.size(), kChunkBytes);
    make_room(change.extended->ends, change.entry->ends.size(),
              std::numeric_limits<std::size_t>::max());
  }
  // Nothing below can fail: a batch is applied whole or not at all.
  jobs_.merge(batch.jobs);
  for (Change& change : batch.changes)
    change.entry->action == Entry::Action::drop ? drop(*change.job) : apply(change);
}

void StoreMemory::apply(Change& change) noexcept {
  Job& job = *change.job;
  if (change.columns) {
    // And before apply_action() makes a tombstone of it, which is in other groups.
    if (job.columns) leave_index(job);  // by the old columns, before they go
    job.columns = std::move(change.columns);
    index_.merge(change.index);
  }
  apply_action(change);
  job.chunks.merge(change.added);
  if (change.fixed && !job.record.tombstone) job.record.fixed = std::move(*change.fixed);
  job.record.head = std::move(change.head);
  job.record.revision = std::move(change.revision);
}

void StoreMemory::leave_index(const Job& job) noexcept {
  each_group(*job.columns, job.record.tombstone, [&](const Group& group) {
    index_.erase({group, {job.columns->created, job.record.job_id}, nullptr});
  });
}

void StoreMemory::apply_action(Change& change) noexcept {
  const Entry& entry = *change.entry;
  JobRecord& record = change.job->record;
  Chunks& chunks = change.job->chunks;
  switch (entry.action) {
    case Entry::Action::append:
      if (change.extended) extend(change.extended->lines, change.extended->ends, entry);
      record.head_seq = entry.base + entry.ends.size();
      return;
    case Entry::Action::trim:
      // The chunk that is cut goes whole; what is left of it is in "added", and comes after this.
      chunks.erase(chunks.begin(), chunks.lower_bound(entry.first_seq));
      record.first_seq = std::max(record.first_seq, entry.first_seq);
      return;
    case Entry::Action::purge:
      chunks.clear();
      record.fixed = std::string();
      record.first_seq = record.head_seq + 1;
      record.tombstone = true;
      return;
    case Entry::Action::drop:
      return;
  }
}

void StoreMemory::drop(const Job& job) noexcept {
  leave_index(job);
  jobs_.erase(jobs_.find(job.record.job_id));
}

JobRecord StoreMemory::record_of(const Job& job) const {
  JobRecord record = job.record;
  record.columns = *job.columns;
  return record;
}

std::optional<Slice> StoreMemory::read(std::string_view job_id, std::uint64_t from,
                                       std::size_t max_events, std::size_t max_bytes,
                                       Direction direction) const {
  return guarded([&]() -> std::optional<Slice> {
    // Offsets in a slice have 32 bits.
    max_bytes = std::min<std::size_t>(max_bytes, std::numeric_limits<std::uint32_t>::max());
    std::shared_lock lock(mutex_);
    const auto found = jobs_.find(job_id);
    if (found == jobs_.end()) return std::nullopt;
    const Job& job = found->second;
    const JobRecord& record = job.record;
    Slice slice;
    slice.job = {record.job_id,
                 record.revision,
                 record.first_seq,
                 record.head_seq,
                 record.tombstone,
                 *job.columns,
                 {},
                 record.head};
    if (direction == Direction::backward) {
      const std::uint64_t end = std::min(from, record.head_seq + 1);
      if (end <= record.first_seq) return slice;
      from = begin_of(job, end, max_events, max_bytes);
      max_events = end - from;
    }
    from = std::max(from, record.first_seq);
    if (from > record.head_seq) return slice;
    slice.from = from;
    // There is one: "from" lies in the retained range. On to the next chunk only where this one was
    // taken to its end.
    auto it = std::prev(job.chunks.upper_bound(from));
    take(it->second, from - it->first, max_events, max_bytes, slice);
    while (++it != job.chunks.end() && it->first == from + slice.ends.size())
      take(it->second, 0, max_events, max_bytes, slice);
    return slice;
  });
}

// Where the page begins that ends before "end", which is above the first seq.
std::uint64_t StoreMemory::begin_of(const Job& job, std::uint64_t end, std::size_t max_events,
                                    std::size_t max_bytes) {
  std::uint64_t begin = end;
  std::size_t bytes = 0;
  for (auto it = job.chunks.lower_bound(end); it != job.chunks.begin();) {
    const auto& [seq, chunk] = *--it;
    for (std::size_t line = std::min<std::size_t>(begin - seq, chunk.ends.size()); line > 0;) {
      --line;
      bytes += chunk.ends[line] - (line == 0 ? 0 : chunk.ends[line - 1]);
      const bool first = begin == end;
      if (!first && (end - begin >= max_events || bytes > max_bytes)) return begin;
      begin = seq + line;
    }
  }
  return begin;
}

// Adds the lines of "chunk" from "line" on that still fit; the first line of a
// slice always does.
void StoreMemory::take(const Chunk& chunk, std::size_t line, std::size_t max_events,
                       std::size_t max_bytes, Slice& slice) {
  const std::uint32_t begin = line == 0 ? 0 : chunk.ends[line - 1];
  const auto base = static_cast<std::uint32_t>(slice.events.size());
  std::uint32_t end = begin;
  for (; line < chunk.ends.size(); ++line) {
    const std::size_t bytes = std::size_t{base} + chunk.ends[line] - begin;
    if (!slice.ends.empty() && (slice.ends.size() >= max_events || bytes > max_bytes)) break;
    end = chunk.ends[line];
    slice.ends.push_back(base + end - begin);
  }
  slice.events.append(chunk.lines, begin, end - begin);
}

std::optional<JobRecord> StoreMemory::find(std::string_view job_id) const {
  return guarded([&]() -> std::optional<JobRecord> {
    std::shared_lock lock(mutex_);
    const auto job = jobs_.find(job_id);
    if (job == jobs_.end()) return std::nullopt;
    return record_of(job->second);
  });
}

JobPage StoreMemory::list(const ListQuery& query) const {
  check_query(query);
  return guarded([&] {
    std::shared_lock lock(mutex_);
    return query.id_prefix.empty() ? list_times(query) : list_ids(query);
  });
}

// Each group is asked for its next job at or below the smallest that the others have, so that
// what they do not have in common is leapt over.
JobPage StoreMemory::list_times(const ListQuery& query) const {
  std::vector<Group> groups;
  if (query.tombstones) groups.push_back({Group::tombstones, {}});
  if (!query.tombstones && query.unfinished) groups.push_back({Group::unfinished, {}});
  if (!query.tombstones && !query.state.empty()) groups.push_back({Group::in_state, query.state});
  if (!query.tombstones)
    for (const std::string& tag : query.tags) groups.push_back({Group::tagged, tag});
  if (groups.empty()) groups.push_back({Group::all, {}});

  JobPage page;
  std::size_t bytes = 0, agreed = 0;
  // No id is as long as this one, so that it is behind all of the last "created" too.
  static const std::string kBehindAll(rules::kMaxJobId + 1, '\xff');
  Place bound{std::numeric_limits<std::int64_t>::max(), kBehindAll};
  if (query.before != 0 || !query.before_id.empty()) bound = {query.before, query.before_id};
  Place passed = bound;        // all at or above it are done with
  const Job* found = nullptr;  // at "bound"
  for (std::size_t looks = 0;; ++looks) {
    if (looks >= kMostLooks || page.jobs.size() == query.limit) {
      end_page(query, passed.created, std::string(passed.job_id), page);
      return page;
    }
    const Group& group = groups[looks % groups.size()];
    auto it = found ? index_.upper_bound({group, bound, nullptr})
                    : index_.lower_bound({group, bound, nullptr});
    if (it == index_.begin() || (--it)->group != group) return page;
    // Newest first, so all that would follow is older still.
    if (query.since != 0 && it->place.created < query.since) return page;
    if (found && it->job != found) passed = bound;
    agreed = it->job == found ? agreed + 1 : 1;
    found = it->job;
    bound = it->place;
    if (agreed < groups.size()) continue;
    JobRecord record = record_of(*found);
    if (matches(query, record)) {
      if (!page_takes(query, page.jobs.size(), bytes, record)) {
        end_page(query, passed.created, std::string(passed.job_id), page);
        return page;
      }
      page.jobs.push_back(std::move(record));
    }
    passed = bound;
    found = nullptr;
  }
}

JobPage StoreMemory::list_ids(const ListQuery& query) const {
  JobPage page;
  std::size_t bytes = 0, looks = 0;
  std::string_view passed;
  auto it = query.after_id < query.id_prefix ? jobs_.lower_bound(query.id_prefix)
                                             : jobs_.upper_bound(query.after_id);
  for (; it != jobs_.end() && it->first.starts_with(query.id_prefix); ++it) {
    bool full = page.jobs.size() == query.limit || looks++ >= kMostLooks;
    const Job& job = it->second;
    if (!full && matches(query, *job.columns, job.record.tombstone)) {
      JobRecord record = record_of(job);
      full = !page_takes(query, page.jobs.size(), bytes, record);
      if (!full) page.jobs.push_back(std::move(record));
    }
    if (full) {
      end_page(query, 0, std::string(passed), page);
      return page;
    }
    passed = it->first;
  }
  return page;
}

}  // namespace domed
