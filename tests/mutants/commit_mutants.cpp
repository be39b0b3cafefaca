#include <algorithm>
#include <map>
#include <set>

#include "good.h"

namespace mutants {
namespace {

struct CreationTwice final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    if (entry.action != Action::append || !entry.expected_revision.empty()) return;
    const JobRecord job = record_of(entry.job_id);
    if (job.revision.empty()) return;
    entry.expected_revision = kept(job.revision);
    entry.base = job.head_seq;
  }
};

struct ConflictIsWritten final : Good {
  using Good::Good;
  Outcomes commit(std::span<const Entry> entries) override {
    const Outcomes outcomes = inner_->commit(entries);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const JobRecord job = record_of(entries[i].job_id);
      if (outcomes[i] != Outcome::conflict || job.revision.empty()) continue;
      Entry record = entries[i];
      record.action = Action::append;
      record.expected_revision = record.revision = job.revision;
      record.base = job.head_seq;
      record.events = {}, record.ends = {};
      inner_->commit({&record, 1});
    }
    return outcomes;
  }
};

// Each entry for itself: a batch that is refused leaves its beginning.
struct TornBatch final : Good {
  using Good::Good;
  Outcomes commit(std::span<const Entry> entries) override {
    Outcomes outcomes;
    for (const Entry& entry : entries) outcomes.push_back(inner_->commit({&entry, 1}).at(0));
    return outcomes;
  }
};

// Each half of an entry's events for itself: readers, and whoever comes after a
// crash, may see the first alone.
struct TornEntry final : Good {
  using Good::Good;
  Outcomes commit(std::span<const Entry> entries) override {
    for (const Entry& entry : entries)
      if (entry.action != Action::append || entry.ends.size() < 2) return inner_->commit(entries);
    std::vector<Entry> first(entries.begin(), entries.end()), second = first;
    for (std::size_t i = 0; i < entries.size(); ++i) cut(first[i], second[i]);
    Outcomes outcomes = inner_->commit(first);
    for (std::size_t i = outcomes.size(); i-- > 0;)
      if (outcomes[i] != Outcome::done)
        second.erase(second.begin() + static_cast<std::ptrdiff_t>(i));
    for (std::size_t i = 0; i < second.size(); ++i) shifted(second[i], offsets_[i]);
    inner_->commit(second);
    return outcomes;
  }

 private:
  void cut(Entry& first, Entry& second) {
    const std::size_t half = first.ends.size() / 2;
    const std::uint32_t bytes = first.ends[half - 1];
    second.expected_revision = first.revision;
    second.base = first.base + half;
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
  Outcomes commit(std::span<const Entry> entries) override try {
    return inner_->commit(entries);
  } catch (const Error& error) {
    throw Error(Code::internal, error.what());
  }
};

struct TrimOffByOne final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    if (entry.action == Action::trim && entry.first_seq > 1) --entry.first_seq;
  }
};

struct PurgeKeepsEvents final : Good {
  using Good::Good;
  Outcomes commit(std::span<const Entry> entries) override {
    for (const Entry& entry : entries)
      if (entry.action == Action::purge)
        if (auto slice = inner_->read(entry.job_id, 1, SIZE_MAX, SIZE_MAX, Direction::forward))
          kept_[std::string(entry.job_id)] = *slice;
    return inner_->commit(entries);
  }
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override {
    auto slice = inner_->read(id, from, max_events, max_bytes, direction);
    if (!slice || !slice->job.tombstone) return slice;
    const Slice& kept = kept_.at(std::string(id));
    slice->events = kept.events, slice->ends = kept.ends, slice->from = kept.from;
    return slice;
  }
  std::map<std::string, Slice> kept_;
};

struct TombstoneForgotten final : Good {
  using Good::Good;
  Outcomes commit(std::span<const Entry> entries) override {
    Outcomes outcomes = inner_->commit(entries);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].action != Action::purge || outcomes[i] != Outcome::done) continue;
      Entry drop = entries[i];
      drop.action = Action::drop;
      drop.expected_revision = drop.revision;
      inner_->commit({&drop, 1});
    }
    return outcomes;
  }
};

struct DropOfAnyRevision final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    const JobRecord job = record_of(entry.job_id);
    if (entry.action == Action::drop && !job.revision.empty())
      entry.expected_revision = kept(job.revision);
  }
};

struct FixedLost final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    if (!entry.fixed) entry.fixed = "";
  }
};

struct FullDiskIsInternal final : Good {
  using Good::Good;
  Outcomes commit(std::span<const Entry> entries) override try {
    return inner_->commit(entries);
  } catch (const Error& error) {
    throw Error(error.code() == Code::exhausted ? Code::internal : error.code(), error.what());
  }
};

// Compare and set as of ABI 1.
struct HeadInsteadOfRevision final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    const JobRecord job = record_of(entry.job_id);
    if (entry.expected_revision.empty() || job.revision.empty()) return;
    if (entry.action == Action::append && entry.base != job.head_seq)
      entry.expected_revision = entry.revision;  // which no job has
    else
      entry.expected_revision = kept(job.revision);
  }
};

struct RevisionByItsBeginning final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    const JobRecord job = record_of(entry.job_id);
    if (!job.revision.empty() && entry.expected_revision.substr(0, 8) == job.revision.substr(0, 8))
      entry.expected_revision = kept(job.revision);
  }
};

struct RevisionKeptByTrim final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    if (entry.action == Action::trim) entry.revision = entry.expected_revision;
  }
};

struct RevisionKeptWithoutEvents final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    if (entry.action == Action::append && entry.ends.empty())
      entry.revision = entry.expected_revision;
  }
};

// A job that is made anew goes on with the revision that its id had.
struct RevisionOfTheId final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    std::string& first = first_[std::string(entry.job_id)];
    if (first.empty()) first = entry.revision;
    if (entry.expected_revision.empty() && record_of(entry.job_id).revision.empty())
      entry.revision = first;
  }
  std::map<std::string, std::string> first_;
};

struct BaseNotChecked final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    const JobRecord job = record_of(entry.job_id);
    if (entry.action == Action::append && !job.revision.empty() && !entry.expected_revision.empty())
      entry.base = job.head_seq;
  }
};

// Refuses as invalid what has lost a race: base is old because the revision is.
struct BaseBeforeRevision final : Good {
  using Good::Good;
  Outcomes commit(std::span<const Entry> entries) override {
    for (const Entry& entry : entries) {
      const JobRecord job = record_of(entry.job_id);
      if (entry.action == Action::append && !job.revision.empty() && entry.base != job.head_seq &&
          !entry.expected_revision.empty())
        throw Error(Code::invalid_argument, "the base is not the head");
    }
    return inner_->commit(entries);
  }
};

struct OneConflictFailsAll final : Good {
  using Good::Good;
  Outcomes commit(std::span<const Entry> entries) override {
    for (const Entry& entry : entries)
      if (entry.expected_revision != record_of(entry.job_id).revision)
        return Outcomes(entries.size(), Outcome::conflict);
    return inner_->commit(entries);
  }
};

// "created" in a unique index, as of ABI 1.
struct EqualCreatedRefused final : Good {
  using Good::Good;
  Outcomes commit(std::span<const Entry> entries) override {
    for (const Entry& entry : entries)
      if (entry.expected_revision.empty() && !used_.insert(entry.columns.created).second)
        throw Error(Code::invalid_argument, "another job was created at that time");
    return inner_->commit(entries);
  }
  std::set<std::int64_t> used_;
};

struct TagsNeverRemoved final : Changed {
  using Changed::Changed;
  void change(Entry& entry) override {
    auto& tags = entry.columns.tags;
    for (const std::string& tag : record_of(entry.job_id).columns.tags)
      if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(tag);
  }
};

}  // namespace

Mutants mutants_in_commits() {
  return {
      {"creation-twice", around<CreationTwice>},
      {"conflict-is-written", around<ConflictIsWritten>},
      {"torn-batch", around<TornBatch>},
      {"torn-entry", around<TornEntry>},
      {"wrong-error-kind", around<WrongErrorKind>},
      {"trim-off-by-one", around<TrimOffByOne>},
      {"purge-keeps-events", around<PurgeKeepsEvents>},
      {"tombstone-forgotten", around<TombstoneForgotten>},
      {"drop-of-any-revision", around<DropOfAnyRevision>},
      {"fixed-lost", around<FixedLost>},
      {"full-disk-is-internal", around<FullDiskIsInternal>},
      {"head-instead-of-revision", around<HeadInsteadOfRevision>},
      {"revision-by-its-beginning", around<RevisionByItsBeginning>},
      {"revision-kept-by-trim", around<RevisionKeptByTrim>},
      {"revision-kept-without-events", around<RevisionKeptWithoutEvents>},
      {"revision-of-the-id", around<RevisionOfTheId>},
      {"base-not-checked", around<BaseNotChecked>},
      {"base-before-revision", around<BaseBeforeRevision>},
      {"one-conflict-fails-all", around<OneConflictFailsAll>},
      {"equal-created-refused", around<EqualCreatedRefused>},
      {"tags-never-removed", around<TagsNeverRemoved>},
  };
}

}  // namespace mutants
