#include "store_fixture.h"

namespace conformance {
namespace {

// What a store that is more durable than "none" keeps over its end.
class StoreReopen : public StoreTest {
 protected:
  void reopen() {
    close();
    open();
  }
};

TEST_F(StoreReopen, KeepsLogsAndRecords) {
  const JobColumns columns{.created = 0, .state = "s", .unfinished = true, .tags = {"a=1", "b=2"}};
  make_job("j", 7, columns);
  const JobRecord before = find("j");
  reopen();
  expect_equal(before, find("j"));
  EXPECT_EQ(1u, listed(store(), {.tags = {"a=1", "b=2"}}).size());
  EXPECT_EQ(lines_of("j", 1, 7), read_all("j"));
}

TEST_F(StoreReopen, NumbersOnFromTheHead) {
  make_job("j", 3);
  reopen();
  EXPECT_CONFLICT(commit_one(against(new_revision(), append_of("j", 3, 1))));
  EXPECT_DONE(commit_one(append_of("j", 3, 2)));
  EXPECT_EQ(lines_of("j", 1, 5), read_all("j"));
}

TEST_F(StoreReopen, KeepsWhatWasForgottenForgotten) {
  make_job("trimmed", 5);
  make_job("purged", 5);
  EXPECT_DONE(commit_one(trim_of("trimmed", 3)));
  EXPECT_DONE(commit_one(purge_of("purged")));
  reopen();
  EXPECT_EQ(lines_of("trimmed", 3, 5), read_all("trimmed"));
  EXPECT_TRUE(find("purged").tombstone);
  EXPECT_CONFLICT(commit_one(created(append_of("purged", 0, 1))));
}

TEST_F(StoreReopen, ListsUnfinishedJobs) {
  make_job("done", 1);
  make_job("open", 1, {.state = "running", .unfinished = true});
  reopen();
  const auto jobs = listed(store(), {.unfinished = true});
  ASSERT_EQ(1u, jobs.size());
  EXPECT_EQ("open", jobs[0].job_id);
}

TEST_F(StoreReopen, StaysDroppedWhenDropped) {
  make_job("j", 1);
  EXPECT_DONE(commit_one(purge_of("j")));
  EXPECT_DONE(commit_one(drop_of("j")));
  reopen();
  EXPECT_FALSE(store().find("j").has_value());
}

TEST_F(StoreReopen, ManyTimes) {
  make_job("j", 1);
  for (std::uint64_t head = 1; head < 20; ++head) {
    reopen();
    EXPECT_DONE(commit_one(append_of("j", head, 1)));
  }
  EXPECT_EQ(lines_of("j", 1, 20), read_all("j"));
}

}  // namespace
}  // namespace conformance
