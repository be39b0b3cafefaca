#include "store_fixture.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <string_view>
#include <tuple>
#include <utility>

#include "domed/store_rules.h"

namespace conformance {

Entry Draft::entry() const {
  Entry entry;
  entry.action = action;
  entry.job_id = job_id;
  entry.expected_revision = expected_revision ? *expected_revision : std::string_view();
  entry.revision = revision;
  entry.base = base;
  entry.events = events;
  entry.ends = ends;
  entry.first_seq = first_seq;
  if (fixed) entry.fixed = *fixed;
  entry.head = head;
  entry.columns = columns;
  return entry;
}

void Draft::add(const std::string& line) {
  events += line + '\n';
  ends.push_back(static_cast<std::uint32_t>(events.size()));
}

Outcomes commit(domed::Store& store, const std::vector<Draft>& drafts) {
  std::vector<Entry> entries;
  for (const Draft& draft : drafts) entries.push_back(draft.entry());
  return store.commit(entries);
}

// The finalizer of SplitMix64: a bijection, so that no two counts give the same bytes.
std::string new_revision() {
  static std::atomic<std::uint64_t> count{0};
  std::string revision;
  for (const std::uint64_t half : {++count, target.seed + count}) {
    std::uint64_t bits = half * 0x9e3779b97f4a7c15u;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    bits ^= bits >> 31;
    for (int shift = 0; shift < 64; shift += 8) revision += static_cast<char>(bits >> shift);
  }
  return revision;
}

std::string text_of(Code code) {
  static const char* const kNames[] = {"invalid_argument", "not_found", "conflict",
                                       "corruption",       "io",        "exhausted",
                                       "unsupported",      "internal",  "stale"};
  return kNames[static_cast<int>(code)];
}

Outcomes Writer::commit(domed::Store& store, std::vector<Draft> drafts) {
  for (Draft& draft : drafts) {
    if (!draft.expected_revision) draft.expected_revision = revision(draft.job_id);
    if (draft.revision.empty()) draft.revision = new_revision();
  }
  const Outcomes outcomes = conformance::commit(store, drafts);
  for (std::size_t i = 0; i < outcomes.size() && i < drafts.size(); ++i)
    if (outcomes[i] == Outcome::done) revisions_[drafts[i].job_id] = drafts[i].revision;
  return outcomes;
}

std::string Writer::revision(const std::string& job_id) const {
  const auto it = revisions_.find(job_id);
  return it == revisions_.end() ? new_revision() : it->second;
}

std::string line_of(const std::string& job_id, std::uint64_t seq, std::size_t size) {
  std::string line = job_id + ':' + std::to_string(seq) + ':';
  if (line.size() < size) line.append(size - line.size(), static_cast<char>('a' + seq % 26));
  return line;
}

Lines lines_of(const std::string& job_id, std::uint64_t from, std::uint64_t to) {
  Lines lines;
  for (std::uint64_t seq = from; seq <= to; ++seq) lines.push_back(line_of(job_id, seq));
  return lines;
}

Lines lines_in(const Slice& slice) {
  Lines lines;
  std::size_t begin = 0;
  for (const std::uint32_t end : slice.ends) {
    if (end <= begin || end > slice.events.size() || slice.events[end - 1] != '\n') {
      lines.push_back("(the offset " + std::to_string(end) + " does not end a line)");
      return lines;
    }
    lines.push_back(slice.events.substr(begin, end - begin - 1));
    begin = end;
  }
  if (begin != slice.events.size()) lines.push_back("(there are bytes behind the last line)");
  return lines;
}

Draft append_of(const std::string& job_id, std::uint64_t base, std::uint64_t count) {
  Draft draft;
  draft.job_id = job_id;
  draft.base = base;
  for (std::uint64_t i = 1; i <= count; ++i) draft.add(line_of(job_id, base + i));
  draft.head = "head " + std::to_string(base + count);
  if (base == 0) draft.expected_revision = "";
  if (base == 0) draft.fixed = "fixed of " + job_id;
  return draft;
}

Draft trim_of(const std::string& job_id, std::uint64_t first_seq) {
  Draft draft;
  draft.action = Entry::Action::trim;
  draft.job_id = job_id;
  draft.first_seq = first_seq;
  draft.head = "trimmed to " + std::to_string(first_seq);
  return draft;
}

Draft purge_of(const std::string& job_id) {
  Draft draft;
  draft.action = Entry::Action::purge;
  draft.job_id = job_id;
  draft.head = "purged";
  return draft;
}

Draft drop_of(const std::string& job_id) {
  Draft draft;
  draft.action = Entry::Action::drop;
  draft.job_id = job_id;
  return draft;
}

Draft copy_of(const std::string& job_id, std::uint64_t first_seq, std::uint64_t count) {
  Draft draft = append_of(job_id, first_seq - 1, count);
  draft.expected_revision = "";
  draft.fixed = "fixed of " + job_id;
  return draft;
}

Draft against(const std::string& revision, Draft draft) {
  draft.expected_revision = revision;
  return draft;
}

Lines sorted(Lines tags) {
  std::sort(tags.begin(), tags.end());
  return tags;
}

bool goes_on(const domed::JobPage& page, const ListQuery& query) {
  if (!query.id_prefix.empty()) return page.after_id > query.after_id;
  if (page.before_id.empty()) return false;
  const bool first = query.before == 0 && query.before_id.empty();
  return first || std::tie(page.before, page.before_id) < std::tie(query.before, query.before_id);
}

std::vector<JobRecord> listed(const domed::Store& store, ListQuery query) {
  std::vector<JobRecord> jobs;
  const std::size_t limit = query.limit;
  for (;;) {
    domed::JobPage page = store.list(query);
    std::move(page.jobs.begin(), page.jobs.end(), std::back_inserter(jobs));
    if (!page.more || jobs.size() >= limit) return jobs;
    if (!goes_on(page, query)) {
      ADD_FAILURE() << "the next page does not lie behind where this one began";
      return jobs;
    }
    domed::go_on(page, query);
    query.limit = limit - jobs.size();
  }
}

domed::JobPage first_page(const domed::Store& store, ListQuery query) {
  for (;;) {
    domed::JobPage page = store.list(query);
    if (!page.jobs.empty() || !page.more || !goes_on(page, query)) return page;
    domed::go_on(page, query);
  }
}

void expect_equal(const JobRecord& expected, const JobRecord& actual, bool with_fixed) {
  EXPECT_EQ(expected.job_id, actual.job_id);
  EXPECT_EQ(expected.revision, actual.revision);
  EXPECT_EQ(expected.first_seq, actual.first_seq);
  EXPECT_EQ(expected.head_seq, actual.head_seq);
  EXPECT_EQ(expected.tombstone, actual.tombstone);
  EXPECT_EQ(expected.head, actual.head);
  EXPECT_EQ(with_fixed ? expected.fixed : "", actual.fixed);
  EXPECT_EQ(expected.columns.created, actual.columns.created);
  EXPECT_EQ(expected.columns.state, actual.columns.state);
  EXPECT_EQ(expected.columns.unfinished, actual.columns.unfinished);
  EXPECT_EQ(sorted(expected.columns.tags), sorted(actual.columns.tags));
}

Outcome StoreTest::commit_one(const Draft& draft) {
  const Outcomes outcomes = commit({draft});
  EXPECT_EQ(1u, outcomes.size());
  return outcomes.empty() ? Outcome::unknown : outcomes[0];
}

Draft StoreTest::created(Draft draft) {
  draft.columns.created = last_created_ += 10;
  return draft;
}

Draft StoreTest::make_job(const std::string& job_id, std::uint64_t count, JobColumns columns) {
  Draft draft = append_of(job_id, 0, count);
  draft.columns = std::move(columns);
  draft = created(std::move(draft));
  EXPECT_DONE(commit_one(draft));
  return draft;
}

Slice StoreTest::read(const std::string& job_id, std::uint64_t from, std::size_t max_events,
                      std::size_t max_bytes, Direction direction) {
  auto slice = store().read(job_id, from, max_events, max_bytes, direction);
  EXPECT_TRUE(slice.has_value()) << "no job '" << job_id << "'";
  return slice.value_or(Slice{});
}

Lines StoreTest::read_all(const std::string& job_id) {
  return lines_in(read(job_id, 1, 1'000'000, 1 << 30));
}

JobRecord StoreTest::find(const std::string& job_id) {
  auto record = store().find(job_id);
  EXPECT_TRUE(record.has_value()) << "no job '" << job_id << "'";
  return record.value_or(JobRecord{});
}

}  // namespace conformance
