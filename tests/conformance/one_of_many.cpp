#include "one_of_many.h"

#include <algorithm>
#include <set>
#include <utility>

#include "model.h"
#include "shared_fixture.h"

namespace conformance {
namespace {

template <class Visit>
void each_deed(const std::string& job_id, const Many& writers, Visit&& visit) {
  for (const OneOfMany* writer : writers)
    for (const Deed& deed : writer->deeds())
      if (deed.draft.job_id == job_id) visit(deed);
}

const Deed* deed_of(const std::string& job_id, const std::string& revision, const Many& writers) {
  const Deed* found = nullptr;
  each_deed(job_id, writers, [&](const Deed& deed) {
    if (deed.draft.revision == revision) found = &deed;
  });
  return found;
}

std::string story(const Deed& deed) {
  return "'" + deed.draft.head + "' saw " + hex(*deed.draft.expected_revision) + " and gave " +
         hex(deed.draft.revision);
}

}  // namespace

Draft OneOfMany::draft_of(const std::string& id) {
  const auto record = patiently([&] { return store_.find(id); });
  const std::string mark = name_ + std::to_string(++count_);
  const std::uint64_t head = record ? record->head_seq : 0;
  Draft draft = append_of(id, head, 0);
  // One in eight shortens the log, one in four changes the record alone, as a hold does.
  const auto kind = random_() % 8;
  if (record && kind == 0)
    draft = trim_of(id, head + 1 - random_() % std::min<std::uint64_t>(head, 5));
  if (!record || kind > 2)
    for (auto lines = 1 + random_() % 3; lines > 0; --lines)
      draft.add(mark + '.' + std::to_string(lines));
  draft.base = head;
  draft.expected_revision = record ? record->revision : "";
  draft.revision = new_revision();
  draft.head = draft.columns.state = mark;
  draft.columns.created = 10;
  return draft;
}

void OneOfMany::step() {
  std::vector<Draft> batch;
  for (int number = 0; number < kJobs; ++number)
    if (random_() % 2 == 0 || (batch.empty() && number + 1 == kJobs))
      batch.push_back(draft_of(job(static_cast<std::uint64_t>(number))));
  const Outcomes outcomes = patiently([&] { return commit(store_, batch); });
  ASSERT_EQ(batch.size(), outcomes.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    EXPECT_FALSE(target.disturb.empty() && outcomes[i] == Outcome::unknown);
    deeds_.push_back({std::move(batch[i]), outcomes[i]});
  }
}

std::vector<const Deed*> history_of(const JobRecord& record, const Many& writers) {
  std::vector<const Deed*> history;
  for (std::string revision = record.revision; !revision.empty();) {
    const Deed* deed = deed_of(record.job_id, revision, writers);
    if (!deed) {
      ADD_FAILURE() << record.job_id << " has a revision that nobody gave: " << hex(revision);
      break;
    }
    history.push_back(deed);
    revision = *deed->draft.expected_revision;
  }
  std::reverse(history.begin(), history.end());
  return history;
}

void expect_history(const JobRecord& record, const Slice& log, const Many& writers) {
  const auto history = history_of(record, writers);
  std::set<const Deed*> done(history.begin(), history.end());
  each_deed(record.job_id, writers, [&](const Deed& deed) {
    if (deed.told == Outcome::done && !done.contains(&deed))
      ADD_FAILURE() << record.job_id << ": was told 'done', and is lost: " << story(deed);
    if (deed.told == Outcome::conflict && done.contains(&deed))
      ADD_FAILURE() << record.job_id << ": was told 'conflict', and was done: " << story(deed);
  });
  Lines lines;
  std::uint64_t first = 1;
  for (const Deed* deed : history) {
    if (deed->draft.action == Entry::Action::trim) first = std::max(first, deed->draft.first_seq);
    Slice appended;
    appended.events = deed->draft.events;
    appended.ends = deed->draft.ends;
    for (std::string& line : lines_in(appended)) lines.push_back(std::move(line));
  }
  EXPECT_EQ(lines.size(), record.head_seq) << record.job_id;
  EXPECT_EQ(first, record.first_seq) << record.job_id;
  lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(
                                                 std::min<std::size_t>(first - 1, lines.size())));
  EXPECT_EQ(lines, lines_in(log)) << record.job_id;
  EXPECT_EQ(history.empty() ? "" : history.back()->draft.head, record.head) << record.job_id;
}

}  // namespace conformance
