#include "store_fixture.h"

namespace conformance {
namespace {

// Jobs a to f, created 10 to 60; b and e are tombstones.
class StoreList : public StoreTest {
 protected:
  using Ids = std::vector<std::string>;

  void SetUp() override {
    StoreTest::SetUp();
    make("a", {.state = "failed", .tool_id = "x", .labels = {"k=1", "k=2"}});
    make("b", {.state = "failed", .tool_id = "x", .labels = {"k=1"}});
    make("c", {.state = "running", .unfinished = true, .tool_id = "y", .labels = {"k=12"}});
    make("d", {.state = "failed", .tool_id = "y", .labels = {"k=2"}});
    make("e", {.state = "done", .tool_id = "x"});
    make("f", {.state = "queued", .unfinished = true, .labels = {"kk=1", "k=1x"}});
    for (const char* id : {"b", "e"}) {
      Draft purge = purge_of(id, 2);
      purge.columns = find(id).columns;
      EXPECT_DONE(commit_one(purge));
    }
  }

  void make(const std::string& id, JobColumns columns) { make_job(id, 2, std::move(columns)); }

  Ids list(const ListQuery& query) {
    Ids ids;
    for (const JobRecord& job : store().list(query)) ids.push_back(job.job_id);
    return ids;
  }
};

TEST_F(StoreList, ShowsTheNewestFirst) {
  EXPECT_EQ((Ids{"f", "d", "c", "a"}), list({}));
}

TEST_F(StoreList, HoldsWholeRecords) {
  const auto jobs = store().list({});
  ASSERT_EQ(4u, jobs.size());
  for (const JobRecord& job : jobs) expect_equal(find(job.job_id), job);
  EXPECT_EQ("fixed of f", jobs[0].fixed);
}

TEST_F(StoreList, EndsAtTheLimit) {
  EXPECT_EQ((Ids{"f"}), list({.limit = 1}));
  EXPECT_EQ((Ids{"f", "d", "c"}), list({.limit = 3}));
  EXPECT_EQ((Ids{"f", "d", "c", "a"}), list({.limit = 10000}));
}

TEST_F(StoreList, PagesContinueBeforeTheLast) {
  EXPECT_EQ((Ids{"d", "c"}), list({.before = 60, .limit = 2}));
  EXPECT_EQ((Ids{"a"}), list({.before = 30, .limit = 2}));
  EXPECT_EQ(Ids{}, list({.before = 10, .limit = 2}));
}

TEST_F(StoreList, SinceIncludesItsOwn) {
  EXPECT_EQ((Ids{"f", "d"}), list({.since = 40}));
  EXPECT_EQ((Ids{"f"}), list({.since = 41}));
  EXPECT_EQ(Ids{}, list({.since = 61}));
}

TEST_F(StoreList, FiltersByState) {
  EXPECT_EQ((Ids{"d", "a"}), list({.state = "failed"}));
  EXPECT_EQ(Ids{}, list({.state = "fail"}));
}

TEST_F(StoreList, FiltersByTool) {
  EXPECT_EQ((Ids{"d", "c"}), list({.tool_id = "y"}));
  EXPECT_EQ(Ids{}, list({.tool_id = "z"}));
}

TEST_F(StoreList, FiltersByWholeLabels) {
  EXPECT_EQ((Ids{"a"}), list({.label = "k=1"}));
  EXPECT_EQ((Ids{"d", "a"}), list({.label = "k=2"}));
  EXPECT_EQ(Ids{}, list({.label = "k="}));
  EXPECT_EQ(Ids{}, list({.label = "k=1\nk=2"}));
}

TEST_F(StoreList, FiltersHoldTogether) {
  EXPECT_EQ((Ids{"d"}), list({.state = "failed", .tool_id = "y", .label = "k=2", .since = 20}));
  EXPECT_EQ((Ids{"a"}), list({.state = "failed", .before = 40}));
  EXPECT_EQ(Ids{}, list({.state = "failed", .tool_id = "y", .label = "k=12"}));
}

TEST_F(StoreList, ShowsTombstonesOnlyWhenAsked) {
  EXPECT_EQ((Ids{"e", "b"}), list({.tombstones = true}));
  EXPECT_EQ((Ids{"b"}), list({.state = "failed", .tombstones = true}));
  EXPECT_EQ((Ids{"b"}), list({.before = 50, .tombstones = true}));
}

TEST_F(StoreList, FollowsChangedColumns) {
  Draft draft = append_of("c", 2, 1);
  draft.columns = {
      .created = 0, .state = "failed", .unfinished = false, .tool_id = {}, .labels = {"n=1"}};
  EXPECT_DONE(commit_one(draft));
  EXPECT_EQ((Ids{"d", "c", "a"}), list({.state = "failed"}));
  EXPECT_EQ(Ids{}, list({.state = "running"}));
  EXPECT_EQ((Ids{"c"}), list({.label = "n=1"}));
}

TEST_F(StoreList, RefusesPagesOutsideTheirBounds) {
  expect_error(Code::invalid_argument, [&] { store().list({.limit = 0}); });
  expect_error(Code::invalid_argument, [&] { store().list({.limit = 10001}); });
}

TEST_F(StoreList, ShowsUnfinishedJobsAlone) {
  EXPECT_EQ((Ids{"f", "c"}), list({.unfinished = true}));
  for (const JobRecord& job : store().list({.unfinished = true}))
    expect_equal(find(job.job_id), job);
}

TEST_F(StoreList, PagesEndAtTheirBytesButHoldOneRecord) {
  const auto all = store().list({});
  ASSERT_LT(2u, all.size());
  const auto bytes = [&](std::size_t i) { return all[i].fixed.size() + all[i].head.size(); };
  EXPECT_EQ(1u, store().list({.max_bytes = 0}).size());
  EXPECT_EQ(2u, store().list({.max_bytes = bytes(0) + bytes(1)}).size());
  EXPECT_EQ(1u, store().list({.max_bytes = bytes(0) + bytes(1) - 1}).size());
}

TEST_F(StoreList, UnfinishedFollowsTheColumns) {
  EXPECT_DONE(commit_one(append_of("c", 2, 1)));  // its columns say finished
  Draft draft = append_of("a", 2, 1);
  draft.columns.unfinished = true;
  EXPECT_DONE(commit_one(draft));
  EXPECT_EQ((Ids{"f", "a"}), list({.unfinished = true}));
}

}  // namespace
}  // namespace conformance
