#include "store_fixture.h"

namespace conformance {
namespace {

class StorePurge : public StoreTest {};

TEST_F(StorePurge, LeavesATombstone) {
  const Draft job = make_job("j", 5, {.state = "running", .unfinished = true});
  Draft purge = purge_of("j");
  purge.columns = {.created = 0, .state = "failed", .unfinished = false, .tags = {"l=1"}};
  EXPECT_DONE(commit_one(purge));
  JobRecord expected;
  expected.job_id = "j";
  expected.revision = revision("j");
  expected.first_seq = 6;
  expected.head_seq = 5;
  expected.tombstone = true;
  expected.columns = purge.columns;
  expected.columns.created = job.columns.created;
  expected.head = "purged";
  expect_equal(expected, find("j"));
}

TEST_F(StorePurge, TombstonesHaveNoEvents) {
  make_job("j", 5);
  EXPECT_DONE(commit_one(purge_of("j")));
  const Slice slice = read("j", 1);
  EXPECT_TRUE(slice.job.tombstone);
  EXPECT_EQ(Lines{}, lines_in(slice));
}

TEST_F(StorePurge, TombstonesAreNeverUnfinished) {
  make_job("j", 5, {.state = "running", .unfinished = true});
  Draft purge = purge_of("j");
  purge.columns.unfinished = true;
  EXPECT_DONE(commit_one(purge));
  EXPECT_TRUE(listed(store(), {.unfinished = true}).empty());
}

TEST_F(StorePurge, TombstonesRefuseEveryEntry) {
  make_job("j", 5);
  EXPECT_DONE(commit_one(purge_of("j")));
  EXPECT_CONFLICT(commit_one(created(append_of("j", 0, 1))));
  EXPECT_CONFLICT(commit_one(append_of("j", 5, 1)));
  EXPECT_CONFLICT(commit_one(trim_of("j", 6)));
  EXPECT_CONFLICT(commit_one(purge_of("j")));
  EXPECT_EQ("purged", find("j").head);
}

TEST_F(StorePurge, ConflictsWhereTheRevisionIsAnother) {
  make_job("j", 5);
  EXPECT_CONFLICT(commit_one(against(new_revision(), purge_of("j"))));
  EXPECT_CONFLICT(commit_one(purge_of("nobody")));
  EXPECT_EQ(lines_of("j", 1, 5), read_all("j"));
}

TEST_F(StorePurge, TrimmedJobsToo) {
  make_job("j", 5);
  EXPECT_DONE(commit_one(trim_of("j", 6)));
  EXPECT_DONE(commit_one(purge_of("j")));
  EXPECT_TRUE(find("j").tombstone);
}

TEST_F(StorePurge, DroppedTombstonesFreeTheirId) {
  make_job("j", 5);
  EXPECT_DONE(commit_one(purge_of("j")));
  EXPECT_DONE(commit_one(drop_of("j")));
  EXPECT_FALSE(store().find("j").has_value());
  EXPECT_FALSE(store().read("j", 1, 10, 1000).has_value());
  EXPECT_TRUE(listed(store(), {.tombstones = true}).empty());
  make_job("j", 2);
  EXPECT_EQ(lines_of("j", 1, 2), read_all("j"));
}

TEST_F(StorePurge, OnlyTombstonesCanBeDropped) {
  make_job("j", 5);
  EXPECT_CONFLICT(commit_one(drop_of("j")));
  EXPECT_CONFLICT(commit_one(drop_of("nobody")));
  EXPECT_EQ(lines_of("j", 1, 5), read_all("j"));
  const std::string before = revision("j");
  EXPECT_DONE(commit_one(purge_of("j")));
  EXPECT_CONFLICT(commit_one(against(before, drop_of("j"))));
  EXPECT_TRUE(find("j").tombstone);
}

}  // namespace
}  // namespace conformance
