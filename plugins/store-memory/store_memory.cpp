#include "store_memory.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <new>
#include <utility>

#include "domed/store_rules.h"

namespace domed {
namespace {

constexpr std::size_t kChunkBytes = 64 * 1024;

template <class F>
auto guarded(F&& body) {
  try {
    return std::forward<F>(body)();
  } catch (const std::bad_alloc&) {
    throw Error(Code::exhausted, "store-memory: out of memory: trim or delete jobs");
  }
}

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

JobRecord without_fixed(const JobRecord& record) {
  return {.job_id = record.job_id,
          .first_seq = record.first_seq,
          .head_seq = record.head_seq,
          .tombstone = record.tombstone,
          .columns = record.columns,
          .fixed = {},
          .head = record.head};
}

bool matches(const JobRecord& record, const ListQuery& query) {
  const auto& labels = record.columns.labels;
  return record.tombstone == query.tombstones &&
         (!query.unfinished || record.columns.unfinished) &&
         (query.state.empty() || record.columns.state == query.state) &&
         (query.tool_id.empty() || record.columns.tool_id == query.tool_id) &&
         (query.label.empty() || std::count(labels.begin(), labels.end(), query.label) > 0);
}

}  // namespace

std::vector<EntryResult> StoreMemory::commit(std::span<const Entry> entries) {
  return guarded([&] {
    check_batch(entries);
    Batch batch;
    std::vector<EntryResult> results;
    for (const Entry& entry : entries) results.push_back(stage(entry, batch));
    apply(batch);
    return results;
  });
}

EntryResult StoreMemory::stage(const Entry& entry, Batch& batch) {
  const auto it = jobs_.find(entry.job_id);
  const bool exists = it != jobs_.end();
  const std::uint64_t head = exists ? it->second.record.head_seq : 0;
  if (conflicts(entry, exists, exists && it->second.record.tombstone, head))
    return {EntryResult::Outcome::conflict, head};
  Job& job = exists ? it->second : create(entry, batch);
  batch.changes.push_back(change_of(entry, job));
  return {EntryResult::Outcome::done, 0};
}

StoreMemory::Job& StoreMemory::create(const Entry& entry, Batch& batch) const {
  Job& job = batch.jobs[std::string(entry.job_id)];
  job.record.job_id = entry.job_id;
  job.record.columns.created = entry.columns.created;
  job.record.first_seq = entry.base() + 1;
  if (by_created_.contains(entry.columns.created) ||
      !batch.by_created.emplace(entry.columns.created, &job).second)
    refuse_created(entry.columns.created);
  return job;
}

StoreMemory::Change StoreMemory::change_of(const Entry& entry, Job& job) {
  Change change;
  change.entry = &entry;
  change.job = &job;
  change.head = entry.head;
  change.columns = entry.columns;
  change.columns.created = job.record.columns.created;
  if (entry.fixed) change.fixed.emplace(*entry.fixed);
  if (entry.action == Entry::Action::append) stage_lines(change);
  if (entry.action == Entry::Action::trim) stage_cut(change);
  return change;
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
  Chunk& chunk = change.added[entry.base() + 1];
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
  std::unique_lock lock(mutex_);
  for (Change& change : batch.changes) {
    if (!change.extended) continue;
    make_room(change.extended->lines, change.entry->events.size(), kChunkBytes);
    make_room(change.extended->ends, change.entry->ends.size(),
              std::numeric_limits<std::size_t>::max());
  }
  // Nothing below can fail: a batch is applied whole or not at all.
  for (Change& change : batch.changes)
    change.entry->action == Entry::Action::drop ? drop(*change.job) : apply(change);
  jobs_.merge(batch.jobs);
  by_created_.merge(batch.by_created);
}

void StoreMemory::apply(Change& change) noexcept {
  JobRecord& record = change.job->record;
  apply_action(change);
  change.job->chunks.merge(change.added);
  if (change.fixed && !record.tombstone) record.fixed = std::move(*change.fixed);
  record.head = std::move(change.head);
  record.columns = std::move(change.columns);
}

void StoreMemory::apply_action(Change& change) noexcept {
  const Entry& entry = *change.entry;
  JobRecord& record = change.job->record;
  Chunks& chunks = change.job->chunks;
  switch (entry.action) {
    case Entry::Action::append:
      if (change.extended) extend(change.extended->lines, change.extended->ends, entry);
      record.head_seq = entry.base() + entry.ends.size();
      return;
    case Entry::Action::trim:
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
  by_created_.erase(job.record.columns.created);
  jobs_.erase(jobs_.find(job.record.job_id));
}

std::optional<Slice> StoreMemory::read(std::string_view job_id, std::uint64_t from,
                                       std::size_t max_events, std::size_t max_bytes) const {
  return guarded([&]() -> std::optional<Slice> {
    // Offsets in a slice have 32 bits.
    max_bytes = std::min<std::size_t>(max_bytes, std::numeric_limits<std::uint32_t>::max());
    std::shared_lock lock(mutex_);
    const auto job = jobs_.find(job_id);
    if (job == jobs_.end()) return std::nullopt;
    Slice slice{.job = without_fixed(job->second.record), .events = {}, .ends = {}};
    from = std::max(from, slice.job.first_seq);
    if (from > slice.job.head_seq) return slice;
    slice.from = from;
    const Chunks& chunks = job->second.chunks;
    auto it = std::prev(chunks.upper_bound(from));
    take(it->second, from - it->first, max_events, max_bytes, slice);
    while (++it != chunks.end() && it->first == from + slice.ends.size())
      take(it->second, 0, max_events, max_bytes, slice);
    return slice;
  });
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
    return job->second.record;
  });
}

std::vector<JobRecord> StoreMemory::list(const ListQuery& query) const {
  check_query(query);
  return guarded([&] {
    std::vector<JobRecord> page;
    std::shared_lock lock(mutex_);
    auto it = query.before == 0 ? by_created_.end() : by_created_.lower_bound(query.before);
    std::size_t bytes = 0;
    while (it != by_created_.begin() && page.size() < query.limit) {
      --it;
      if (query.since != 0 && it->first < query.since) break;
      const JobRecord& record = it->second->record;
      if (!matches(record, query)) continue;
      if (!page_takes(query, page.size(), bytes, record)) break;
      page.push_back(record);
    }
    return page;
  });
}

}  // namespace domed
