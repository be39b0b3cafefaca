#include <algorithm>
#include <map>
#include <random>

#include "store_fixture.h"

namespace conformance {
namespace {

// A store that is too simple to be wrong.
class Model {
 public:
  struct Job {
    JobRecord record;
    std::map<std::uint64_t, std::string> lines;
  };

  EntryResult apply(const Draft& draft) {
    const auto it = jobs_.find(draft.job_id);
    const bool exists = it != jobs_.end();
    const std::uint64_t head = exists ? it->second.record.head_seq : 0;
    const bool creates = draft.action == Entry::Action::append && draft.expected_head == 0;
    const bool drops = draft.action == Entry::Action::drop;
    const bool fits = creates ? !exists
                              : exists && it->second.record.tombstone == drops &&
                                    head == draft.expected_head;
    if (!fits) return {Outcome::conflict, head};
    if (drops) {
      jobs_.erase(it);
      return {Outcome::done, 0};
    }
    Job& job = jobs_[draft.job_id];
    const std::int64_t created = creates ? draft.columns.created : job.record.columns.created;
    job.record.job_id = draft.job_id;
    job.record.head = draft.head;
    job.record.columns = draft.columns;
    job.record.columns.created = created;
    if (draft.fixed) job.record.fixed = *draft.fixed;
    if (creates && draft.first_seq > 1) {
      job.record.first_seq = draft.first_seq;
      job.record.head_seq = draft.first_seq - 1;
    }
    change(job, draft);
    return {Outcome::done, 0};
  }

  const std::map<std::string, Job>& jobs() const { return jobs_; }

 private:
  static void change(Job& job, const Draft& draft) {
    std::size_t begin = 0;
    for (const std::uint32_t end : draft.ends) {
      job.lines[++job.record.head_seq] = draft.events.substr(begin, end - begin - 1);
      begin = end;
    }
    if (draft.action == Entry::Action::append) return;
    const bool purge = draft.action == Entry::Action::purge;
    const std::uint64_t first = purge ? job.record.head_seq + 1 : draft.first_seq;
    job.record.first_seq = std::max(job.record.first_seq, first);
    std::erase_if(job.lines, [&](const auto& line) { return line.first < first; });
    if (purge) job.record.tombstone = true;
    if (purge) job.record.fixed.clear();
  }

  std::map<std::string, Job> jobs_;
};

class StoreModel : public StoreTest {
 protected:
  std::uint64_t upto(std::uint64_t most) { return random_() % (most + 1); }
  bool one_in(std::uint64_t n) { return random_() % n == 0; }
  std::string some_job() { return "job" + std::to_string(upto(11)); }

  std::uint64_t head_of(const std::string& id) const {
    const auto it = model_.jobs().find(id);
    return it == model_.jobs().end() ? 0 : it->second.record.head_seq;
  }

  JobColumns some_columns() {
    static const char* const kStates[] = {"queued", "running", "failed"};
    JobColumns columns{.created = ++created_,
                       .state = kStates[upto(2)],
                       .unfinished = one_in(3),
                       .tool_id = one_in(2) ? "" : "tool",
                       .labels = {}};
    for (std::uint64_t i = upto(2); i > 0; --i)
      columns.labels.push_back("k=" + std::to_string(upto(2)));
    return columns;
  }

  std::string some_line() {
    std::string line(one_in(50) ? upto(60'000) : upto(200), '\0');
    for (char& c : line) c = static_cast<char>(' ' + upto(90));
    return line;
  }

  Draft some_draft(const std::string& id) {
    Draft draft;
    draft.job_id = id;
    draft.expected_head = one_in(10) ? upto(30) : head_of(id);
    draft.head = "head " + std::to_string(upto(1000));
    draft.columns = some_columns();
    if (one_in(4)) draft.fixed = std::string(upto(3000), 'f');
    const std::uint64_t action = upto(19);
    if (action == 0) draft.action = Entry::Action::purge;
    if (action == 3) draft.action = Entry::Action::drop;
    if (action == 1 || action == 2) draft.action = Entry::Action::trim;
    if (draft.action == Entry::Action::trim) draft.first_seq = 1 + upto(draft.expected_head);
    if (draft.action != Entry::Action::append) return draft;
    if (draft.expected_head == 0 && one_in(4)) draft.first_seq = 1 + upto(20);
    for (std::uint64_t i = 1 + (one_in(20) ? upto(800) : upto(8)); i > 0; --i) {
      const std::string line = some_line();
      if (draft.events.size() + line.size() < domed::kMaxEntryBytes) draft.add(line);
    }
    return draft;
  }

  void commit_something() {
    std::map<std::string, Draft> drafts;  // at most one for each job
    for (std::uint64_t i = 1 + upto(4); i > 0; --i) {
      const std::string id = some_job();
      drafts.insert_or_assign(id, some_draft(id));
    }
    std::vector<Draft> batch;
    for (const auto& [id, draft] : drafts) batch.push_back(draft);
    const auto results = commit(store(), batch);
    ASSERT_EQ(batch.size(), results.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const EntryResult expected = model_.apply(batch[i]);
      EXPECT_EQ(expected.outcome, results[i].outcome);
      if (expected.outcome == Outcome::conflict) {
        EXPECT_EQ(expected.head, results[i].head);
      }
    }
  }

  Lines expected_lines(const Model::Job& job, std::uint64_t from, std::size_t max_events,
                       std::size_t max_bytes) const {
    Lines lines;
    std::size_t bytes = 0;
    for (auto it = job.lines.lower_bound(from); it != job.lines.end(); ++it) {
      bytes += it->second.size() + 1;
      if (!lines.empty() && (lines.size() >= max_events || bytes > max_bytes)) break;
      lines.push_back(it->second);
    }
    return lines;
  }

  void read_something() {
    const std::string id = some_job();
    const std::uint64_t from = 1 + upto(head_of(id) + 2);
    const std::size_t max_events = 1 + upto(300);
    const std::size_t max_bytes = upto(20'000);
    const auto slice = store().read(id, from, max_events, max_bytes);
    const auto it = model_.jobs().find(id);
    ASSERT_EQ(it != model_.jobs().end(), slice.has_value());
    if (!slice) return;
    expect_equal(it->second.record, slice->job, false);
    const Lines lines = expected_lines(it->second, from, max_events, max_bytes);
    EXPECT_EQ(lines, lines_in(*slice));
    if (!lines.empty()) {
      EXPECT_EQ(std::max(from, slice->job.first_seq), slice->from);
    }
  }

  bool matches(const JobRecord& job, const ListQuery& query) const {
    const auto& labels = job.columns.labels;
    const std::int64_t created = job.columns.created;
    return job.tombstone == query.tombstones && (!query.unfinished || job.columns.unfinished) &&
           (query.state.empty() || job.columns.state == query.state) &&
           (query.tool_id.empty() || job.columns.tool_id == query.tool_id) &&
           (query.label.empty() ||
            std::find(labels.begin(), labels.end(), query.label) != labels.end()) &&
           created >= query.since && (query.before == 0 || created < query.before);
  }

  void list_something() {
    ListQuery query;
    if (one_in(3)) query.state = "failed";
    if (one_in(3)) query.tool_id = "tool";
    if (one_in(3)) query.label = "k=1";
    if (one_in(3))
      query.since = static_cast<std::int64_t>(upto(static_cast<std::uint64_t>(created_)));
    if (one_in(3))
      query.before = static_cast<std::int64_t>(upto(static_cast<std::uint64_t>(created_)));
    query.limit = 1 + upto(8);
    query.tombstones = one_in(3);
    query.unfinished = one_in(3);
    std::map<std::int64_t, JobRecord, std::greater<>> expected;
    for (const auto& [id, job] : model_.jobs())
      if (matches(job.record, query)) expected[job.record.columns.created] = job.record;
    const auto actual = store().list(query);
    ASSERT_EQ(std::min(query.limit, expected.size()), actual.size());
    auto it = expected.begin();
    for (const JobRecord& job : actual) expect_equal((it++)->second, job);
  }

  void step() {
    commit_something();
    read_something();
    if (one_in(3)) list_something();
    if (!is_durable() || !one_in(100)) return;
    close();
    open();
  }

  void compare_all() {
    for (const auto& [id, job] : model_.jobs()) {
      expect_equal(job.record, find(id));
      EXPECT_EQ(expected_lines(job, 1, SIZE_MAX, SIZE_MAX), read_all(id));
    }
  }

  std::mt19937 random_{target.seed};
  std::int64_t created_ = 0;
  Model model_;
};

TEST_F(StoreModel, AgreesOverRandomOperations) {
  for (int i = 0; i < 1000; ++i) {
    SCOPED_TRACE("step " + std::to_string(i) + ", repeat with --seed " +
                 std::to_string(target.seed));
    step();
    if (HasFailure()) return;
  }
  compare_all();
}

}  // namespace
}  // namespace conformance
