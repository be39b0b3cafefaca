#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "domed/plugin.h"
#include "store-memory/store_memory.h"
#include "store-sqlite/sqlite.h"
#include "store-sqlite/store_sqlite.h"

// Good stores with one thing wrong each.  CMakeLists.txt says which test of the
// suite must find which.
namespace {

using domed::Code;
using domed::Durability;
using domed::Entry;
using domed::EntryResult;
using domed::Error;
using domed::JobRecord;
using domed::ListQuery;
using domed::Slice;
using Action = Entry::Action;
using Outcome = EntryResult::Outcome;
using Store = domed::Store;
using Results = std::vector<EntryResult>;
using Inner = std::unique_ptr<Store>;

// Hands everything on.  A mutant overrides what it does wrong.
class Good : public Store {
 public:
  explicit Good(Inner inner) : inner_(std::move(inner)) {}
  Durability durability() const noexcept override { return inner_->durability(); }
  Results commit(std::span<const Entry> entries) override { return inner_->commit(entries); }
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    return inner_->read(id, from, max_events, max_bytes);
  }
  std::optional<JobRecord> find(std::string_view id) const override { return inner_->find(id); }
  std::vector<JobRecord> list(const ListQuery& query) const override { return inner_->list(query); }

 protected:
  std::uint64_t head_of(std::string_view id) const {
    const auto job = inner_->find(id);
    return job ? job->head_seq : 0;
  }
  Inner inner_;
};

// Changes the entries before they are committed.
class Changed : public Good {
 public:
  using Good::Good;
  Results commit(std::span<const Entry> entries) override {
    std::vector<Entry> changed(entries.begin(), entries.end());
    for (Entry& entry : changed) change(entry);
    return inner_->commit(changed);
  }
  virtual void change(Entry& entry) = 0;
};

struct FirstSeqZero final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    auto slice = inner_->read(id, from, max_events, max_bytes);
    if (slice) --slice->job.first_seq;
    return slice;
  }
};

struct PageOffByOne final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    return inner_->read(id, from, max_events == SIZE_MAX ? SIZE_MAX : max_events + 1, max_bytes);
  }
};

struct BytesOffByOne final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    return inner_->read(id, from, max_events, max_bytes == SIZE_MAX ? SIZE_MAX : max_bytes + 1);
  }
};

struct LargeEventNeverFits final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    auto slice = inner_->read(id, from, max_events, max_bytes);
    if (slice && slice->events.size() > max_bytes) slice->events.clear(), slice->ends.clear();
    return slice;
  }
};

struct CreationTwice final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    if (entry.action == Action::append && entry.expected_head == 0)
      entry.expected_head = head_of(entry.job_id);
  }
};

struct ConflictWithoutHead final : Good {
  using Good::Good;
  Results commit(std::span<const Entry> entries) override {
    Results results = inner_->commit(entries);
    for (EntryResult& result : results) result.head = 0;
    return results;
  }
};

struct ConflictIsWritten final : Good {
  using Good::Good;
  Results commit(std::span<const Entry> entries) override {
    Results results = inner_->commit(entries);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (results[i].outcome != Outcome::conflict || results[i].head == 0) continue;
      Entry record = entries[i];
      record.action = Action::append;
      record.expected_head = results[i].head;
      record.events = {}, record.ends = {}, record.first_seq = 0;
      inner_->commit({&record, 1});
    }
    return results;
  }
};

// Each entry for itself: a batch that is refused leaves its beginning.
struct TornBatch final : Good {
  using Good::Good;
  Results commit(std::span<const Entry> entries) override {
    Results results;
    for (const Entry& entry : entries) results.push_back(inner_->commit({&entry, 1}).at(0));
    return results;
  }
};

// Each half of an entry's events for itself: readers, and whoever comes after a
// crash, may see the first alone.
struct TornEntry final : Good {
  using Good::Good;
  Results commit(std::span<const Entry> entries) override {
    for (const Entry& entry : entries)
      if (entry.action != Action::append || entry.ends.size() < 2) return inner_->commit(entries);
    std::vector<Entry> first(entries.begin(), entries.end()), second = first;
    for (std::size_t i = 0; i < entries.size(); ++i) cut(first[i], second[i]);
    Results results = inner_->commit(first);
    for (std::size_t i = results.size(); i-- > 0;)
      if (results[i].outcome != Outcome::done)
        second.erase(second.begin() + static_cast<std::ptrdiff_t>(i));
    for (std::size_t i = 0; i < second.size(); ++i) shifted(second[i], offsets_[i]);
    inner_->commit(second);
    return results;
  }

 private:
  void cut(Entry& first, Entry& second) {
    const std::size_t half = first.ends.size() / 2;
    const std::uint32_t bytes = first.ends[half - 1];
    second.expected_head = first.base() + half;
    second.first_seq = 0;
    second.events = first.events.substr(bytes);
    second.ends = first.ends.subspan(half);
    first.events = first.events.substr(0, bytes);
    first.ends = first.ends.first(half);
  }
  // "ends" must begin anew where "events" does.
  void shifted(Entry& entry, std::vector<std::uint32_t>& ends) {
    const std::uint32_t gone = entry.ends.back() - static_cast<std::uint32_t>(entry.events.size());
    ends.assign(entry.ends.begin(), entry.ends.end());
    for (std::uint32_t& end : ends) end -= gone;
    entry.ends = ends;
  }
  std::map<std::size_t, std::vector<std::uint32_t>> offsets_;
};

struct WrongErrorKind final : Good {
  using Good::Good;
  Results commit(std::span<const Entry> entries) override try {
    return inner_->commit(entries);
  } catch (const Error& error) {
    throw Error(Code::internal, error.what());
  }
};

struct ForeignException final : Good {
  using Good::Good;
  std::vector<JobRecord> list(const ListQuery& query) const override {
    if (query.limit == 0) throw std::out_of_range("limit");
    return inner_->list(query);
  }
};

// All reads use one buffer, and nobody waits for anybody.
struct MissingLock final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    auto slice = inner_->read(id, from, max_events, max_bytes);
    exchange(slice, true);
    std::this_thread::yield();
    exchange(slice, false);
    return slice;
  }

 private:
  // What is wrong is wrong without undefined behaviour, so that a sanitizer sees none.
  void exchange(std::optional<Slice>& slice, bool in) const {
    const std::lock_guard lock(mutex_);
    if (in)
      buffer_ = slice;
    else
      slice = buffer_;
  }
  mutable std::mutex mutex_;
  mutable std::optional<Slice> buffer_;
};

struct ReadersWait final : Good {
  using Good::Good;
  Results commit(std::span<const Entry> entries) override {
    const std::lock_guard lock(mutex_);
    return inner_->commit(entries);
  }
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    const std::lock_guard lock(mutex_);
    return inner_->read(id, from, max_events, max_bytes);
  }
  mutable std::mutex mutex_;
};

struct TrimOffByOne final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    if (entry.action == Action::trim && entry.first_seq > 1) --entry.first_seq;
  }
};

struct PurgeKeepsEvents final : Good {
  using Good::Good;
  Results commit(std::span<const Entry> entries) override {
    for (const Entry& entry : entries)
      if (entry.action == Action::purge)
        if (auto slice = inner_->read(entry.job_id, 1, SIZE_MAX, SIZE_MAX))
          kept_[std::string(entry.job_id)] = *slice;
    return inner_->commit(entries);
  }
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    auto slice = inner_->read(id, from, max_events, max_bytes);
    if (!slice || !slice->job.tombstone) return slice;
    const Slice& kept = kept_.at(std::string(id));
    slice->events = kept.events, slice->ends = kept.ends, slice->from = kept.from;
    return slice;
  }
  std::map<std::string, Slice> kept_;
};

struct TombstoneForgotten final : Good {
  using Good::Good;
  Results commit(std::span<const Entry> entries) override {
    Results results = inner_->commit(entries);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].action != Action::purge || results[i].outcome != Outcome::done) continue;
      Entry drop = entries[i];
      drop.action = Action::drop;
      inner_->commit({&drop, 1});
    }
    return results;
  }
};

struct DropOfAnyHead final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    if (entry.action == Action::drop) entry.expected_head = head_of(entry.job_id);
  }
};

struct StaleRead final : Good {
  using Good::Good;
  std::optional<JobRecord> find(std::string_view id) const override {
    const std::lock_guard lock(mutex_);
    auto& cached = cache_[std::string(id)];
    if (!cached) cached = inner_->find(id);
    return cached;
  }
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::optional<JobRecord>> cache_;
};

struct OldestFirst final : Good {
  using Good::Good;
  std::vector<JobRecord> list(const ListQuery& query) const override {
    auto page = inner_->list(query);
    std::reverse(page.begin(), page.end());
    return page;
  }
};

struct LabelsByPrefix final : Good {
  using Good::Good;
  std::vector<JobRecord> list(const ListQuery& query) const override {
    ListQuery all = query;
    all.label.clear();
    auto page = inner_->list(all);
    std::erase_if(page, [&](const JobRecord& job) {
      const auto& labels = job.columns.labels;
      return std::none_of(labels.begin(), labels.end(),
                          [&](const std::string& label) { return label.starts_with(query.label); });
    });
    return query.label.empty() ? inner_->list(query) : page;
  }
};

struct PagesOfAnyBytes final : Good {
  using Good::Good;
  std::vector<JobRecord> list(const ListQuery& query) const override {
    ListQuery all = query;
    all.max_bytes = SIZE_MAX;
    return inner_->list(all);
  }
};

struct FixedLost final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    if (!entry.fixed) entry.fixed = "";
  }
};

struct BytesChanged final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override {
    auto slice = inner_->read(id, from, max_events, max_bytes);
    if (slice) std::replace(slice->events.begin(), slice->events.end(), '\r', ' ');
    return slice;
  }
};

struct IdsAreText final : Good {
  using Good::Good;
  std::optional<JobRecord> find(std::string_view id) const override {
    auto job = inner_->find(id.substr(0, id.find('\0')));
    return job ? job : inner_->find(id);
  }
};

struct DurabilityLiedAbout final : Good {
  using Good::Good;
  Durability durability() const noexcept override { return Durability::power; }
};

struct DescriptorLost final : Good {
  explicit DescriptorLost(Inner inner) : Good(std::move(inner)) {
    if (::open("/dev/null", O_RDONLY | O_CLOEXEC) < 0) throw Error(Code::exhausted, "/dev/null");
  }
};

struct FullDiskIsInternal final : Good {
  using Good::Good;
  Results commit(std::span<const Entry> entries) override try {
    return inner_->commit(entries);
  } catch (const Error& error) {
    throw Error(error.code() == Code::exhausted ? Code::internal : error.code(), error.what());
  }
};

// Works on a copy of the database that takes its place at a clean end.
class AcknowledgedTooEarly final : public Good {
 public:
  using Open = std::function<Inner(const std::string&)>;
  AcknowledgedTooEarly(const Open& open, const std::string& path)
      : Good(open(copied(path))), path_(path) {}
  ~AcknowledgedTooEarly() override {
    inner_.reset();
    std::error_code ignored;
    std::filesystem::rename(path_ + ".copy", path_, ignored);
  }

 private:
  static std::string copied(const std::string& path) {
    for (const char* suffix : {".copy", ".copy-wal", ".copy-shm"})
      std::filesystem::remove(path + suffix);
    if (std::filesystem::exists(path)) std::filesystem::copy_file(path, path + ".copy");
    return path + ".copy";
  }
  std::string path_;
};

Inner open_sqlite(const std::string& path) {
  domed::StoreSqlite::Settings settings;
  settings.path = path;
  return std::make_unique<domed::StoreSqlite>(settings);
}

// Hurts a database that was closed, before it is opened again.
Inner reopened_after(const std::string& sql, const std::string& path) {
  if (std::filesystem::exists(path)) domed::sqlite::Connection(path).run(sql);
  return open_sqlite(path);
}

template <class Mutant>
Inner around(Inner inner) {
  return std::make_unique<Mutant>(std::move(inner));
}

using Make = Inner (*)(Inner);
const std::map<std::string, Make> kMutants = {
    {"nothing", around<Good>},
    {"first-seq-zero", around<FirstSeqZero>},
    {"page-off-by-one", around<PageOffByOne>},
    {"bytes-off-by-one", around<BytesOffByOne>},
    {"large-event-never-fits", around<LargeEventNeverFits>},
    {"creation-twice", around<CreationTwice>},
    {"conflict-without-head", around<ConflictWithoutHead>},
    {"conflict-is-written", around<ConflictIsWritten>},
    {"torn-batch", around<TornBatch>},
    {"torn-entry", around<TornEntry>},
    {"wrong-error-kind", around<WrongErrorKind>},
    {"foreign-exception", around<ForeignException>},
    {"missing-lock", around<MissingLock>},
    {"readers-wait", around<ReadersWait>},
    {"trim-off-by-one", around<TrimOffByOne>},
    {"purge-keeps-events", around<PurgeKeepsEvents>},
    {"tombstone-forgotten", around<TombstoneForgotten>},
    {"drop-of-any-head", around<DropOfAnyHead>},
    {"stale-read", around<StaleRead>},
    {"oldest-first", around<OldestFirst>},
    {"labels-by-prefix", around<LabelsByPrefix>},
    {"pages-of-any-bytes", around<PagesOfAnyBytes>},
    {"fixed-lost", around<FixedLost>},
    {"bytes-changed", around<BytesChanged>},
    {"ids-are-text", around<IdsAreText>},
    {"durability-lied-about", around<DurabilityLiedAbout>},
    {"descriptor-lost", around<DescriptorLost>},
    {"full-disk-is-internal", around<FullDiskIsInternal>},
};

// What is lost while the store is closed.
const std::map<std::string, const char*> kLosses = {
    {"last-event-lost", "UPDATE jobs SET head_seq = head_seq - 1 WHERE head_seq > first_seq"},
    {"tombstones-lost", "DELETE FROM jobs WHERE tombstone = 1"},
    {"records-lost", "DELETE FROM fixed"},
};

Inner made(const domed::Options& options) {
  const std::string name = options.text("break");
  const std::string path = options.text("path");
  if (name == "acknowledged-too-early")
    return std::make_unique<AcknowledgedTooEarly>(open_sqlite, path);
  if (const auto loss = kLosses.find(name); loss != kLosses.end())
    return reopened_after(loss->second, path);
  Inner base =
      options.text("base") == "sqlite" ? open_sqlite(path) : std::make_unique<domed::StoreMemory>();
  return kMutants.at(name)(std::move(base));
}

struct Plugin final : Good {
  Plugin(const domed::Options& options, domed::Host&) : Good(made(options)) {}
};

}  // namespace

DOMED_PLUGIN(Store, Plugin)
