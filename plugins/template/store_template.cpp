#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "domed/plugin.h"
#include "domed/store_rules.h"
#include "journal.h"

// A whole store, durable and concurrent, to read and to start from.  Every commit
// is one record at the end of a journal file; what the journal says is kept in
// memory.  Copy it, and put your engine where Journal (journal.h) stands.
namespace {

using domed::Entry;
using domed::JobRecord;
using domed::Outcome;
using journal::Journal;
using journal::Reader;
using journal::Writer;
using Action = Entry::Action;

// A job never changes: a commit makes a new one, so that a reader keeps what it
// has found without a lock.  That is simple and dear: each commit copies its job.  A
// store for long logs leaves the lines where they are.
struct Job {
  JobRecord record;
  std::vector<std::string> lines;  // each with its LF; the first has record.first_seq

  const std::string& line(std::uint64_t seq) const { return lines[seq - record.first_seq]; }
};
using JobPointer = std::shared_ptr<const Job>;

// What decode() reads, in the same order. Another layout needs another magic (journal.h), so that
// no file is read as what it is not.
void encode(const Entry& entry, Writer& out) {
  out.number(static_cast<std::uint64_t>(entry.action));
  out.text(entry.job_id);
  out.text(entry.revision);
  out.number(entry.base);
  out.number(entry.first_seq);
  out.text(entry.events);
  out.number(entry.fixed.has_value());
  out.text(entry.fixed.value_or(""));
  out.text(entry.head);
  out.number(static_cast<std::uint64_t>(entry.columns.created));
  out.text(entry.columns.state);
  out.number(entry.columns.unfinished);
  out.number(entry.columns.tags.size());
  for (const std::string& tag : entry.columns.tags) out.text(tag);
}

// Without "ends": lines are found again by their LF.
Entry decode(Reader& in) {
  Entry entry;
  entry.action = static_cast<Action>(in.number());
  entry.job_id = in.text();
  entry.revision = in.text();
  entry.base = in.number();
  entry.first_seq = in.number();
  entry.events = in.text();
  const bool has_fixed = in.number() != 0;
  const std::string_view fixed = in.text();
  if (has_fixed) entry.fixed = fixed;
  entry.head = in.text();
  entry.columns.created = static_cast<std::int64_t>(in.number());
  entry.columns.state = in.text();
  entry.columns.unfinished = in.number() != 0;
  for (std::uint64_t n = in.number(); n > 0; --n) entry.columns.tags.emplace_back(in.text());
  return entry;
}

void add_lines(Job& job, std::string_view events) {
  while (!events.empty()) {
    const std::size_t size = events.find('\n') + 1;
    job.lines.emplace_back(events.substr(0, size));
    events.remove_prefix(size);
    ++job.record.head_seq;
  }
}

void forget_below(Job& job, std::uint64_t first) {
  if (first <= job.record.first_seq) return;
  const auto count = static_cast<std::ptrdiff_t>(first - job.record.first_seq);
  job.lines.erase(job.lines.begin(), job.lines.begin() + count);
  job.record.first_seq = first;
}

// The job that "entry", which fits, makes of "before"; null: none.
JobPointer after(const Entry& entry, const JobPointer& before) {
  if (entry.action == Action::drop) return nullptr;
  auto job = before ? std::make_shared<Job>(*before) : std::make_shared<Job>();
  JobRecord& record = job->record;
  if (!before) {
    record.job_id = entry.job_id;
    record.columns.created = entry.columns.created;
    record.head_seq = entry.base;
    record.first_seq = entry.base + 1;
  }
  const std::int64_t created = record.columns.created;
  record.columns = entry.columns;
  record.columns.created = created;
  record.head = entry.head;
  record.revision = entry.revision;
  if (entry.fixed) record.fixed = *entry.fixed;
  if (entry.action == Action::append) add_lines(*job, entry.events);
  if (entry.action == Action::trim) forget_below(*job, entry.first_seq);
  if (entry.action == Action::purge) {
    forget_below(*job, record.head_seq + 1);
    record.fixed.clear();
    record.tombstone = true;
  }
  return job;
}

domed::Present present(const JobPointer& job) {
  if (!job) return {};
  return {job->record.revision, job->record.head_seq, job->record.tombstone};
}

// Where a page begins that ends below "end".
std::uint64_t begin_of(const Job& job, std::uint64_t end, std::size_t max_events,
                       std::size_t max_bytes) {
  std::uint64_t begin = end;
  for (std::size_t bytes = 0; begin > job.record.first_seq; --begin) {
    bytes += job.line(begin - 1).size();
    if (begin != end && (end - begin >= max_events || bytes > max_bytes)) break;
  }
  return begin;
}

// A job stands in the index under every word that a query may ask for.
using Words = std::vector<std::string>;
using Place = std::pair<std::int64_t, std::string>;  // created, id: the order of pages

Words words_of(const JobRecord& job) {
  if (job.tombstone) return {"tombstone"};
  Words words = {"job", "state=" + job.columns.state};
  if (job.columns.unfinished) words.emplace_back("unfinished");
  for (const std::string& tag : job.columns.tags) words.push_back("tag=" + tag);
  return words;
}

Words words_of(const domed::ListQuery& query) {
  if (query.tombstones) return {"tombstone"};
  Words words = {"job"};
  // In the place of "job", for all that are unfinished are jobs: the fewer words have to agree, the
  // less is leapt to and fro.
  if (query.unfinished) words = {"unfinished"};
  if (!query.state.empty()) words.push_back("state=" + query.state);
  for (const std::string& tag : query.tags) words.push_back("tag=" + tag);
  return words;
}

// A page ends after as many: its work has a bound, whatever is asked for.
constexpr std::size_t kMostLooks = 1000;

class StoreTemplate final : public domed::Store {
 public:
  StoreTemplate(const domed::Options& options, domed::Host& host) : journal_(options.text("path")) {
    for (const std::string& record : journal_.records()) {
      // Entries were written only where they fitted, so they fit again, in this order. decode()
      // gives views into the record, of which after() copies what it keeps.
      for (Reader reader(record); !reader.at_end();) {
        const Entry entry = decode(reader);
        replace(std::string(entry.job_id), after(entry, job(entry.job_id)));
      }
    }
    host.log(domed::Level::info, std::to_string(jobs_.size()) + " jobs");
  }

  // Never more than commit() makes true: the kernel promises it on (`Durable`).
  domed::Durability durability() const noexcept override { return domed::Durability::power; }
  std::string incarnation() const override { return journal_.name(); }

  // Nothing is changed before the journal has it; readers wait for the last step
  // alone, which writes nothing.
  std::vector<Outcome> commit(std::span<const Entry> entries) override {
    domed::check_batch(entries);
    std::vector<Outcome> outcomes;
    std::map<std::string, JobPointer> changes;
    Writer record;
    for (const Entry& entry : entries) {
      const JobPointer before = job(entry.job_id);
      outcomes.push_back(domed::conflicts(entry, present(before)) ? Outcome::conflict
                                                                  : Outcome::done);
      if (outcomes.back() == Outcome::conflict) continue;
      // Here, where nothing is written yet: a batch that breaks a rule is refused whole.
      domed::check_present(entry, present(before));
      changes[std::string(entry.job_id)] = after(entry, before);
      encode(entry, record);
    }
    if (!changes.empty()) journal_.append(record.bytes());
    const std::lock_guard lock(mutex_);
    for (auto& [id, changed] : changes) replace(id, changed);
    return outcomes;
  }

  std::optional<domed::Slice> read(std::string_view job_id, std::uint64_t from,
                                   std::size_t max_events, std::size_t max_bytes,
                                   domed::Direction direction) const override {
    const JobPointer found = locked_job(job_id);
    if (!found) return std::nullopt;
    domed::Slice slice;
    slice.job = found->record;
    slice.job.fixed.clear();
    max_bytes = std::min<std::size_t>(max_bytes, UINT32_MAX);  // "ends" has 32 bits
    std::uint64_t end = slice.job.head_seq + 1;
    slice.from = std::max(from, slice.job.first_seq);
    if (direction == domed::Direction::backward) {
      end = std::min(from, end);
      slice.from = begin_of(*found, end, max_events, max_bytes);
    }
    for (std::uint64_t seq = slice.from; seq < end; ++seq) {
      const std::string& line = found->line(seq);
      const bool full =
          slice.ends.size() >= max_events || slice.events.size() + line.size() > max_bytes;
      if (full && !slice.ends.empty()) break;
      slice.events += line;
      slice.ends.push_back(static_cast<std::uint32_t>(slice.events.size()));
    }
    return slice;
  }

  std::optional<JobRecord> find(std::string_view job_id) const override {
    const JobPointer found = locked_job(job_id);
    return found ? std::optional(found->record) : std::nullopt;
  }

  domed::JobPage list(const domed::ListQuery& query) const override {
    domed::check_query(query);
    const std::lock_guard lock(mutex_);
    return query.id_prefix.empty() ? newest(query) : by_id(query);
  }

 private:
  JobPointer job(std::string_view id) const {
    const auto it = jobs_.find(id);
    return it == jobs_.end() ? nullptr : it->second;
  }
  JobPointer locked_job(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    return job(id);
  }

  void replace(const std::string& id, JobPointer changed) {
    const JobPointer before = job(id);
    // Nearly every append leaves the columns as they are, and the index with them.
    if (!before || !changed || words_of(before->record) != words_of(changed->record)) {
      if (before)
        for (const std::string& word : words_of(before->record))
          index_.erase({word, {before->record.columns.created, id}});
      if (changed)
        for (const std::string& word : words_of(changed->record))
          index_.insert({word, {changed->record.columns.created, id}});
    }
    if (changed)
      jobs_[id] = std::move(changed);
    else
      jobs_.erase(id);
  }

  // The newest places that are under all words.  Each word is asked for its next one at or below
  // that of the one before: what they do not share is leapt over.
  domed::JobPage newest(const domed::ListQuery& query) const {
    domed::JobPage page;
    std::size_t bytes = 0, agreed = 0;
    const Words words = words_of(query);
    Place below{query.before, query.before_id};
    // No id is as long as this one, so that it is behind all of the last time too.
    if (below == Place()) below = {INT64_MAX, std::string(domed::rules::kMaxJobId + 1, '\xff')};
    std::optional<Place> found;  // nothing between "below" and it is under all words
    for (std::size_t looks = 0; looks < kMostLooks && page.jobs.size() < query.limit; ++looks) {
      const std::string& word = words[looks % words.size()];
      auto it = found ? index_.upper_bound({word, *found}) : index_.lower_bound({word, below});
      if (it == index_.begin() || (--it)->first != word) return page;
      if (query.since != 0 && it->second.first < query.since) return page;
      agreed = it->second == found ? agreed + 1 : 1;
      if (found && agreed == 1) below = *found;
      found = it->second;
      if (agreed < words.size()) continue;
      const JobRecord& record = job(found->second)->record;
      if (domed::matches(query, record)) {
        if (!domed::page_takes(query, page.jobs.size(), bytes, record)) break;
        page.jobs.push_back(record);
      }
      below = *std::exchange(found, std::nullopt);
    }
    domed::end_page(query, below.first, below.second, page);
    return page;
  }

  domed::JobPage by_id(const domed::ListQuery& query) const {
    domed::JobPage page;
    std::size_t bytes = 0, looks = 0;
    std::string last;
    auto it = jobs_.lower_bound(std::max(query.id_prefix, query.after_id));
    for (; it != jobs_.end() && it->first.starts_with(query.id_prefix); ++it) {
      if (it->first == query.after_id) continue;
      const JobRecord& record = it->second->record;
      bool full = page.jobs.size() == query.limit || ++looks > kMostLooks;
      if (!full && domed::matches(query, record)) {
        full = !domed::page_takes(query, page.jobs.size(), bytes, record);
        if (!full) page.jobs.push_back(record);
      }
      if (full) {
        domed::end_page(query, 0, last, page);
        break;
      }
      last = it->first;
    }
    return page;
  }

  Journal journal_;
  // Held by whoever looks at the maps while somebody may change them: readers
  // always, commit(), which runs alone, for its changes only.
  mutable std::mutex mutex_;
  std::map<std::string, JobPointer, std::less<>> jobs_;
  std::set<std::pair<std::string, Place>> index_;
};

}  // namespace

DOMED_PLUGIN(Store, StoreTemplate)
