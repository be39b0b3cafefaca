#include "store_fixture.h"

#include <ostream>
#include <string_view>

namespace conformance {

Entry Draft::entry() const {
  Entry entry;
  entry.action = action;
  entry.job_id = job_id;
  entry.expected_head = expected_head;
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

std::vector<EntryResult> commit(domed::Store& store, const std::vector<Draft>& drafts) {
  std::vector<Entry> entries;
  for (const Draft& draft : drafts) entries.push_back(draft.entry());
  return store.commit(entries);
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

Draft append_of(const std::string& job_id, std::uint64_t expected_head, std::uint64_t count) {
  Draft draft;
  draft.job_id = job_id;
  draft.expected_head = expected_head;
  for (std::uint64_t i = 1; i <= count; ++i) draft.add(line_of(job_id, expected_head + i));
  draft.head = "head " + std::to_string(expected_head + count);
  if (expected_head == 0) draft.fixed = "fixed of " + job_id;
  return draft;
}

Draft trim_of(const std::string& job_id, std::uint64_t head, std::uint64_t first_seq) {
  Draft draft;
  draft.action = Entry::Action::trim;
  draft.job_id = job_id;
  draft.expected_head = head;
  draft.first_seq = first_seq;
  draft.head = "trimmed to " + std::to_string(first_seq);
  return draft;
}

Draft purge_of(const std::string& job_id, std::uint64_t head) {
  Draft draft;
  draft.action = Entry::Action::purge;
  draft.job_id = job_id;
  draft.expected_head = head;
  draft.head = "purged";
  return draft;
}

Draft drop_of(const std::string& job_id, std::uint64_t head) {
  Draft draft;
  draft.action = Entry::Action::drop;
  draft.job_id = job_id;
  draft.expected_head = head;
  return draft;
}

Draft copy_of(const std::string& job_id, std::uint64_t first_seq, std::uint64_t count) {
  Draft draft = append_of(job_id, first_seq - 1, count);
  draft.expected_head = 0;
  draft.first_seq = first_seq;
  draft.fixed = "fixed of " + job_id;
  return draft;
}

void expect_equal(const JobRecord& expected, const JobRecord& actual, bool with_fixed) {
  EXPECT_EQ(expected.job_id, actual.job_id);
  EXPECT_EQ(expected.first_seq, actual.first_seq);
  EXPECT_EQ(expected.head_seq, actual.head_seq);
  EXPECT_EQ(expected.tombstone, actual.tombstone);
  EXPECT_EQ(expected.head, actual.head);
  EXPECT_EQ(with_fixed ? expected.fixed : "", actual.fixed);
  EXPECT_EQ(expected.columns.created, actual.columns.created);
  EXPECT_EQ(expected.columns.state, actual.columns.state);
  EXPECT_EQ(expected.columns.unfinished, actual.columns.unfinished);
  EXPECT_EQ(expected.columns.tool_id, actual.columns.tool_id);
  EXPECT_EQ(expected.columns.labels, actual.columns.labels);
}

EntryResult StoreTest::commit_one(const Draft& draft) {
  const auto results = commit(store(), {draft});
  EXPECT_EQ(1u, results.size());
  return results.empty() ? EntryResult{} : results[0];
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
                      std::size_t max_bytes) {
  auto slice = store().read(job_id, from, max_events, max_bytes);
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
