#include "store_fixture.h"

namespace conformance {
namespace {

class StoreAppend : public StoreTest {};

TEST_F(StoreAppend, NumbersALogFromOne) {
  make_job("j", 3);
  const Slice slice = read("j", 1);
  EXPECT_EQ(1u, slice.job.first_seq);
  EXPECT_EQ(3u, slice.job.head_seq);
  EXPECT_EQ(1u, slice.from);
  EXPECT_EQ(lines_of("j", 1, 3), lines_in(slice));
}

TEST_F(StoreAppend, ALogMayBeginLater) {
  EXPECT_DONE(commit_one(created(copy_of("j", 7, 3))));
  const Slice slice = read("j", 1);
  EXPECT_EQ(7u, slice.job.first_seq);
  EXPECT_EQ(9u, slice.job.head_seq);
  EXPECT_EQ(7u, slice.from);
  EXPECT_EQ(lines_of("j", 7, 9), lines_in(slice));
  EXPECT_DONE(commit_one(append_of("j", 9, 2)));
  EXPECT_EQ(lines_of("j", 7, 11), read_all("j"));
}

TEST_F(StoreAppend, ContinuesAtTheHead) {
  make_job("j", 2);
  EXPECT_DONE(commit_one(append_of("j", 2, 3)));
  EXPECT_DONE(commit_one(append_of("j", 5, 1)));
  EXPECT_EQ(lines_of("j", 1, 6), read_all("j"));
}

TEST_F(StoreAppend, LogsAreNumberedApart) {
  make_job("job-1", 2);
  make_job("job-10", 3);
  EXPECT_DONE(commit_one(append_of("job-1", 2, 2)));
  EXPECT_EQ(lines_of("job-1", 1, 4), read_all("job-1"));
  EXPECT_EQ(lines_of("job-10", 1, 3), read_all("job-10"));
}

TEST_F(StoreAppend, CreationIsAClaim) {
  make_job("j", 2);
  EXPECT_CONFLICT(commit_one(created(append_of("j", 0, 1))));
  EXPECT_EQ(lines_of("j", 1, 2), read_all("j"));
}

TEST_F(StoreAppend, ConflictsWhereThereIsNoJob) {
  EXPECT_CONFLICT(commit_one(append_of("j", 5, 1)));
  EXPECT_FALSE(store().find("j").has_value());
}

TEST_F(StoreAppend, NothingOfAConflictIsKept) {
  make_job("j", 3, {.state = "running"});
  const JobRecord before = find("j");
  Draft draft = against(new_revision(), append_of("j", 3, 2));
  draft.fixed = "other";
  draft.columns.state = "failed";
  EXPECT_CONFLICT(commit_one(draft));
  expect_equal(before, find("j"));
  EXPECT_EQ(lines_of("j", 1, 3), read_all("j"));
}

TEST_F(StoreAppend, WithoutEventsWritesTheRecordOnly) {
  make_job("j", 2);
  Draft draft = append_of("j", 2, 0);
  draft.head = "new head";
  draft.columns.state = "running";
  EXPECT_DONE(commit_one(draft));
  EXPECT_EQ("new head", find("j").head);
  EXPECT_EQ("running", find("j").columns.state);
  EXPECT_EQ(lines_of("j", 1, 2), read_all("j"));
}

TEST_F(StoreAppend, KeepsEveryByteOfALine) {
  std::string bytes;
  for (int byte = 1; byte < 256; ++byte)
    if (byte != '\n') bytes += static_cast<char>(byte);
  const Lines lines = {bytes, "", "\r", "{\"text\":\"\u2028 \U0001F600 \u00e9\"}", " x ", bytes};
  Draft draft = created(append_of("j", 0, 0));
  for (const std::string& line : lines) draft.add(line);
  EXPECT_DONE(commit_one(draft));
  EXPECT_EQ(lines, read_all("j"));
}

TEST_F(StoreAppend, JobIdsAreBytes) {
  const std::vector<std::string> ids = {"j",
                                        "J",
                                        std::string("j\0", 2),
                                        "j ",
                                        "\xff\xfe",
                                        "%",
                                        "'",
                                        std::string(512, 'x'),
                                        std::string(511, 'x'),
                                        "j\n",
                                        "_"};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Draft draft = created(append_of(ids[i], 0, 0));
    draft.add(std::to_string(i));
    EXPECT_DONE(commit_one(draft));
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(Lines{std::to_string(i)}, read_all(ids[i]));
    EXPECT_EQ(ids[i], find(ids[i]).job_id);
  }
}

TEST_F(StoreAppend, TakesTheLargestEntryAsOneLine) {
  Draft draft = created(append_of("j", 0, 0));
  draft.add(line_of("j", 1, domed::kMaxEntryBytes - 1));
  ASSERT_EQ(domed::kMaxEntryBytes, draft.events.size());
  EXPECT_DONE(commit_one(draft));
  EXPECT_EQ(draft.events, read("j", 1).events);
}

TEST_F(StoreAppend, TakesTheLargestEntryAsManyLines) {
  Draft draft = created(append_of("j", 0, 0));
  while (draft.events.size() < domed::kMaxEntryBytes) draft.add("123");
  EXPECT_DONE(commit_one(draft));
  EXPECT_EQ(draft.ends, read("j", 1, 1'000'000).ends);
  EXPECT_EQ(Lines(2, "123"), lines_in(read("j", draft.ends.size() - 1)));
}

class StoreRecord : public StoreTest {};

TEST_F(StoreRecord, IsAbsentForAnUnknownJob) {
  EXPECT_FALSE(store().find("nobody").has_value());
  EXPECT_FALSE(store().read("nobody", 1, 10, 1000).has_value());
}

TEST_F(StoreRecord, HoldsWhatTheCreationGave) {
  const JobColumns columns{.created = 0,
                           .state = "queued",
                           .unfinished = true,
                           .tags = {"a=1", "b=", "=", "A=1", "c=\t"}};
  const Draft draft = make_job("j", 2, columns);
  JobRecord expected;
  expected.job_id = "j";
  expected.revision = revision("j");
  expected.head_seq = 2;
  expected.columns = draft.columns;
  expected.fixed = *draft.fixed;
  expected.head = draft.head;
  expect_equal(expected, find("j"));
  expect_equal(expected, read("j", 1).job, false);
}

TEST_F(StoreRecord, EveryEntryReplacesHeadAndColumns) {
  const Draft first =
      make_job("j", 1, {.state = "queued", .unfinished = true, .tags = {"a=1", "b=2"}});
  Draft draft = append_of("j", 1, 1);
  draft.columns = {.created = 999, .state = "failed", .unfinished = false, .tags = {"b=2", "c=3"}};
  EXPECT_DONE(commit_one(draft));
  const JobRecord job = find("j");
  EXPECT_EQ(draft.head, job.head);
  EXPECT_EQ("failed", job.columns.state);
  EXPECT_EQ((Lines{"b=2", "c=3"}), sorted(job.columns.tags));
  EXPECT_EQ(first.columns.created, job.columns.created) << "created is written at creation only";
}

TEST_F(StoreRecord, AbsentFixedIsLeftAsItIs) {
  const Draft first = make_job("j", 1);
  EXPECT_DONE(commit_one(append_of("j", 1, 1)));
  EXPECT_EQ(*first.fixed, find("j").fixed);
}

TEST_F(StoreRecord, GivenFixedReplacesTheOld) {
  make_job("j", 1);
  Draft draft = append_of("j", 1, 1);
  draft.fixed = "second";
  EXPECT_DONE(commit_one(draft));
  EXPECT_EQ("second", find("j").fixed);
  draft = append_of("j", 2, 1);
  draft.fixed = "";
  EXPECT_DONE(commit_one(draft));
  EXPECT_EQ("", find("j").fixed);
}

TEST_F(StoreRecord, HeadAndFixedAreBytes) {
  Draft draft = created(append_of("j", 0, 1));
  draft.head = std::string("\0\xff\n'\0", 5);
  draft.fixed = std::string(256 * 1024, '\0') + "\xfe";
  EXPECT_DONE(commit_one(draft));
  EXPECT_EQ(draft.head, find("j").head);
  EXPECT_EQ(*draft.fixed, find("j").fixed);
}

TEST_F(StoreRecord, TagsAreBytesAndMayBeMany) {
  std::vector<std::string> tags = {std::string("k=\0", 3),
                                   "k=\n",
                                   "k=\xff\xfe",
                                   "k=%",
                                   "K=1",
                                   "k=1",
                                   std::string(domed::kMaxTagBytes, 't')};
  while (tags.size() < domed::kMaxTags) tags.push_back("tag " + std::to_string(tags.size()));
  make_job("j", 1, {.tags = tags});
  EXPECT_EQ(sorted(tags), sorted(find("j").columns.tags));
  for (const std::string& tag : tags) EXPECT_EQ(1u, listed(store(), {.tags = {tag}}).size()) << tag;
}

TEST_F(StoreRecord, ConstantDurability) {
  const Durability durability = store().durability();
  make_job("j", 1);
  EXPECT_EQ(durability, store().durability());
}

}  // namespace
}  // namespace conformance
