#include <algorithm>
#include <random>
#include <tuple>
#include <utility>

#include "domed/store_rules.h"
#include "store_fixture.h"

namespace conformance {
namespace {

// Jobs a to f, created 10 to 60; b and e are tombstones.
class StoreList : public StoreTest {
 protected:
  using Ids = std::vector<std::string>;

  void SetUp() override {
    StoreTest::SetUp();
    make("a", {.state = "failed", .tags = {"t=x", "k=1", "k=2"}});
    make("b", {.state = "failed", .tags = {"t=x", "k=1"}});
    make("c", {.state = "running", .unfinished = true, .tags = {"t=y", "k=12"}});
    make("d", {.state = "failed", .tags = {"t=y", "k=2"}});
    make("e", {.state = "done", .tags = {"t=x"}});
    make("f", {.state = "queued", .unfinished = true, .tags = {"kk=1", "k=1x", "K=1"}});
    for (const char* id : {"b", "e"}) {
      Draft purge = purge_of(id);
      purge.columns = find(id).columns;
      EXPECT_DONE(commit_one(purge));
    }
  }

  void make(const std::string& id, JobColumns columns) { make_job(id, 2, std::move(columns)); }

  Ids list(const ListQuery& query) {
    Ids ids;
    for (const JobRecord& job : listed(store(), query)) ids.push_back(job.job_id);
    return ids;
  }
};

TEST_F(StoreList, ShowsTheNewestFirst) {
  EXPECT_EQ((Ids{"f", "d", "c", "a"}), list({}));
}

TEST_F(StoreList, HoldsWholeRecords) {
  const auto jobs = listed(store());
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

TEST_F(StoreList, FiltersByWholeTags) {
  EXPECT_EQ((Ids{"a"}), list({.tags = {"k=1"}}));
  EXPECT_EQ((Ids{"d", "a"}), list({.tags = {"k=2"}}));
  EXPECT_EQ((Ids{"f"}), list({.tags = {"K=1"}}));
  EXPECT_EQ(Ids{}, list({.tags = {"k="}}));
  EXPECT_EQ(Ids{}, list({.tags = {"k=_"}}));
}

TEST_F(StoreList, FiltersByTwoTags) {
  EXPECT_EQ((Ids{"d"}), list({.tags = {"k=2", "t=y"}}));
  EXPECT_EQ((Ids{"d"}), list({.tags = {"t=y", "k=2"}}));
  EXPECT_EQ((Ids{"a"}), list({.tags = {"k=1", "k=2"}}));
  EXPECT_EQ((Ids{"a"}), list({.tags = {"k=1", "k=1"}}));
  EXPECT_EQ(Ids{}, list({.tags = {"t=x", "t=y"}}));
}

TEST_F(StoreList, FiltersHoldTogether) {
  EXPECT_EQ((Ids{"d"}), list({.state = "failed", .tags = {"t=y", "k=2"}, .since = 20}));
  EXPECT_EQ((Ids{"a"}), list({.state = "failed", .tags = {"t=x"}}));
  EXPECT_EQ((Ids{"a"}), list({.state = "failed", .before = 40}));
  EXPECT_EQ((Ids{"c"}), list({.tags = {"t=y"}, .before = 40, .unfinished = true}));
  EXPECT_EQ(Ids{}, list({.state = "failed", .tags = {"t=y", "k=12"}}));
  EXPECT_EQ((Ids{"d"}), list({.tags = {"k=2"}, .since = 11}));
  EXPECT_EQ((Ids{"d", "a"}), list({.tags = {"k=2"}, .since = 10}));
}

TEST_F(StoreList, PagesOfATagContinueBeforeTheLast) {
  EXPECT_EQ((Ids{"d"}), list({.tags = {"k=2"}, .limit = 1}));
  EXPECT_EQ((Ids{"a"}), list({.tags = {"k=2"}, .before = 40, .before_id = "d", .limit = 1}));
  EXPECT_EQ(Ids{}, list({.tags = {"k=2"}, .before = 10, .before_id = "a", .limit = 1}));
}

TEST_F(StoreList, ShowsTombstonesOnlyWhenAsked) {
  EXPECT_EQ((Ids{"e", "b"}), list({.tombstones = true}));
  EXPECT_EQ((Ids{"b"}), list({.state = "failed", .tombstones = true}));
  EXPECT_EQ((Ids{"b"}), list({.before = 50, .tombstones = true}));
}

TEST_F(StoreList, FollowsChangedColumns) {
  Draft draft = append_of("c", 2, 1);
  draft.columns = {.created = 0, .state = "failed", .unfinished = false, .tags = {"n=1"}};
  EXPECT_DONE(commit_one(draft));
  EXPECT_EQ((Ids{"d", "c", "a"}), list({.state = "failed"}));
  EXPECT_EQ(Ids{}, list({.state = "running"}));
  EXPECT_EQ((Ids{"c"}), list({.tags = {"n=1"}}));
  EXPECT_EQ((Ids{"d"}), list({.tags = {"t=y"}}));
}

TEST_F(StoreList, DroppedJobsLeaveNoTagBehind) {
  EXPECT_DONE(commit_one(drop_of("b")));
  make("b", {.state = "failed", .tags = {"new"}});
  EXPECT_EQ((Ids{"a"}), list({.tags = {"k=1"}}));
  EXPECT_EQ((Ids{"b"}), list({.tags = {"new"}}));
  EXPECT_EQ((Ids{"b"}), list({.since = 61}));
}

TEST_F(StoreList, RefusesPagesOutsideTheirBounds) {
  expect_error(Code::invalid_argument, [&] { store().list({.limit = 0}); });
  expect_error(Code::invalid_argument, [&] { store().list({.limit = 10001}); });
  expect_error(Code::invalid_argument, [&] { store().list({.tags = {"a", "b", "c"}}); });
}

TEST_F(StoreList, ShowsUnfinishedJobsAlone) {
  EXPECT_EQ((Ids{"f", "c"}), list({.unfinished = true}));
  for (const JobRecord& job : listed(store(), {.unfinished = true}))
    expect_equal(find(job.job_id), job);
}

TEST_F(StoreList, PagesEndAtTheirBytesButHoldOneRecord) {
  const auto all = listed(store());
  ASSERT_LT(2u, all.size());
  const auto bytes = [&](std::size_t i) { return all[i].fixed.size() + all[i].head.size(); };
  const auto size = [&](std::size_t max_bytes) {
    return first_page(store(), {.max_bytes = max_bytes}).jobs.size();
  };
  EXPECT_EQ(1u, size(0));
  EXPECT_GE(2u, size(bytes(0) + bytes(1)));
  EXPECT_EQ(1u, size(bytes(0) + bytes(1) - 1));
}

TEST_F(StoreList, UnfinishedFollowsTheColumns) {
  EXPECT_DONE(commit_one(append_of("c", 2, 1)));  // its columns say finished
  Draft draft = append_of("a", 2, 1);
  draft.columns.unfinished = true;
  EXPECT_DONE(commit_one(draft));
  EXPECT_EQ((Ids{"f", "a"}), list({.unfinished = true}));
}

// Three jobs of one time between an older and a newer one; their ids are bytes.
class StoreListOrder : public StoreTest {
 protected:
  using Ids = std::vector<std::string>;

  void SetUp() override {
    StoreTest::SetUp();
    const std::vector<std::pair<std::string, std::int64_t>> jobs = {
        {"m", 20}, {"z", 10}, {"\xff", 20}, {"a", 30}, {"M", 20}};
    for (const auto& [id, created] : jobs) {
      Draft draft = append_of(id, 0, 1);
      draft.columns = {.created = created, .state = "s", .tags = {"t"}};
      EXPECT_DONE(commit_one(draft));
    }
  }

  Ids list(const ListQuery& query) {
    Ids ids;
    for (const JobRecord& job : listed(store(), query)) ids.push_back(job.job_id);
    return ids;
  }
};

TEST_F(StoreListOrder, IsByCreatedAndThenById) {
  EXPECT_EQ((Ids{"a", "\xff", "m", "M", "z"}), list({}));
  EXPECT_EQ((Ids{"a", "\xff", "m", "M", "z"}), list({.tags = {"t"}}));
  EXPECT_EQ((Ids{"a", "\xff", "m", "M", "z"}), list({.state = "s"}));
}

TEST_F(StoreListOrder, GoesOnBehindAJobOfTheSameTime) {
  EXPECT_EQ((Ids{"M", "z"}), list({.before = 20, .before_id = "m"}));
  EXPECT_EQ((Ids{"m", "M", "z"}), list({.before = 20, .before_id = "\xff"}));
  EXPECT_EQ((Ids{"z"}), list({.tags = {"t"}, .before = 20, .before_id = "M"}));
  EXPECT_EQ((Ids{"z"}), list({.before = 20}));
  EXPECT_EQ((Ids{"m", "M", "z"}), list({.before = 20, .before_id = "n"})) << "which no job has";
}

TEST_F(StoreListOrder, PagesOfOneMakeUpTheWhole) {
  for (const ListQuery& query : {ListQuery{}, ListQuery{.tags = {"t"}}}) {
    Ids ids;
    ListQuery one = query;
    one.limit = 1;
    for (;;) {
      const domed::JobPage page = store().list(one);
      for (const JobRecord& job : page.jobs) ids.push_back(job.job_id);
      if (!page.more || ids.size() > 9) break;
      ASSERT_TRUE(goes_on(page, one));
      domed::go_on(page, one);
    }
    EXPECT_EQ((Ids{"a", "\xff", "m", "M", "z"}), ids);
  }
}

// Jobs by the beginning of their ids, which a user types.
class StoreListIds : public StoreListOrder {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    for (const char* id : {"job-2", "job-1", "JOB-1", "job_1", "job-10", "jo%", "j"})
      make_job(id, 1, {.tags = {id}});
    EXPECT_DONE(commit_one(purge_of("job-2")));
  }
};

TEST_F(StoreListIds, BeginBytewise) {
  EXPECT_EQ((Ids{"job-1", "job-10"}), list({.id_prefix = "job-"}));
  EXPECT_EQ((Ids{"job_1"}), list({.id_prefix = "job_"}));
  EXPECT_EQ((Ids{"jo%"}), list({.id_prefix = "jo%"}));
  EXPECT_EQ((Ids{"JOB-1"}), list({.id_prefix = "J"}));
  EXPECT_EQ((Ids{"job-1", "job-10"}), list({.id_prefix = "job-1"}))
      << "the whole id is a prefix too";
  EXPECT_EQ(Ids{}, list({.id_prefix = "job-11"}));
}

TEST_F(StoreListIds, StandInTheirOwnOrder) {
  EXPECT_EQ((Ids{"j", "jo%", "job-1", "job-10", "job_1"}), list({.id_prefix = "j"}));
}

TEST_F(StoreListIds, GoOnBehindTheLast) {
  EXPECT_EQ((Ids{"j", "jo%"}), list({.id_prefix = "j", .limit = 2}));
  EXPECT_EQ((Ids{"job-1", "job-10"}), list({.id_prefix = "j", .after_id = "jo%", .limit = 2}));
  EXPECT_EQ((Ids{"job_1"}), list({.id_prefix = "j", .after_id = "job-10", .limit = 2}));
  EXPECT_EQ(Ids{}, list({.id_prefix = "j", .after_id = "job_1", .limit = 2}));
  EXPECT_EQ((Ids{"job-1", "job-10"}), list({.id_prefix = "job-", .after_id = "a"}));
}

TEST_F(StoreListIds, AreFilteredAsAnyPage) {
  EXPECT_EQ((Ids{"job-2"}), list({.id_prefix = "job", .tombstones = true}));
  EXPECT_EQ((Ids{"job-10"}), list({.tags = {"job-10"}, .id_prefix = "job-"}));
  EXPECT_EQ((Ids{"job-10", "job_1"}), list({.since = 40, .id_prefix = "job"}));
}

// More jobs than a store may want to look at for one page: every combination of filters shows
// those that a look at all of them finds, each once.
class StoreListMany : public StoreTest {
 protected:
  static constexpr int kJobs = 4000;

  void SetUp() override {
    StoreTest::SetUp();
    std::vector<Draft> batch;
    for (int i = 0; i < kJobs; ++i) {
      batch.push_back(append_of(std::to_string(random_() % 16) + "-" + std::to_string(i), 0, 1));
      batch.back().columns = columns(i);
      if (batch.size() == 1000) expect_all_done(std::exchange(batch, {}));
    }
    for (const JobRecord& job : listed(store(), {.limit = 10000}))
      if (random_() % 10 == 0) {
        Draft purge = purge_of(job.job_id);
        purge.columns = job.columns;
        batch.push_back(std::move(purge));
      }
    expect_all_done(batch);
    for (const bool tombstones : {false, true})
      for (JobRecord& job : listed(store(), {.limit = 10000, .tombstones = tombstones}))
        jobs_.push_back(std::move(job));
    ASSERT_EQ(kJobs, static_cast<int>(jobs_.size()));
  }

  void expect_all_done(const std::vector<Draft>& batch) {
    for (const Outcome outcome : commit(batch)) EXPECT_DONE(outcome);
  }

  // "even" and "odd" are long and share nothing, "rare" is short, "many" is nearly all.
  JobColumns columns(int i) {
    JobColumns columns{.created = 1 + i / 3, .state = i % 500 == 7 ? "running" : "succeeded"};
    columns.unfinished = columns.state == "running";
    columns.tags = {i % 2 ? "odd" : "even"};
    if (random_() % 20) columns.tags.push_back("many");
    if (random_() % 400 == 0) columns.tags.push_back("rare");
    return columns;
  }

  std::vector<std::string> expected(const ListQuery& query) const {
    std::vector<const JobRecord*> found;
    for (const JobRecord& job : jobs_)
      if (domed::matches(query, job) && job.job_id.starts_with(query.id_prefix))
        found.push_back(&job);
    std::sort(found.begin(), found.end(), [&](const JobRecord* one, const JobRecord* other) {
      if (!query.id_prefix.empty()) return one->job_id < other->job_id;
      return std::tie(one->columns.created, one->job_id) >
             std::tie(other->columns.created, other->job_id);
    });
    std::vector<std::string> ids;
    for (const JobRecord* job : found) ids.push_back(job->job_id);
    return ids;
  }

  // All of "query", over pages of its limit.
  std::vector<std::string> shown(ListQuery query) {
    std::vector<std::string> ids;
    for (;;) {
      const domed::JobPage page = store().list(query);
      EXPECT_LE(page.jobs.size(), query.limit);
      for (const JobRecord& job : page.jobs) ids.push_back(job.job_id);
      if (!page.more) return ids;
      if (!goes_on(page, query)) {
        ADD_FAILURE() << "the next page does not lie behind where this one began";
        return ids;
      }
      domed::go_on(page, query);
    }
  }

  std::mt19937_64 random_{target.seed};
  std::vector<JobRecord> jobs_;
};

TEST_F(StoreListMany, ShowWhatAScanShows) {
  const std::vector<std::vector<std::string>> tags = {
      {}, {"even"}, {"rare"}, {"odd", "even"}, {"many", "rare"}, {"many", "odd"}, {"none", "odd"}};
  for (const auto& some : tags)
    for (const char* state : {"", "running", "succeeded"})
      for (const bool unfinished : {false, true})
        for (const bool tombstones : {false, true})
          for (const char* prefix : {"", "1", "15-"})
            for (const std::int64_t since : {0, kJobs / 6}) {
              const ListQuery query{.state = state,
                                    .tags = some,
                                    .since = since,
                                    .id_prefix = prefix,
                                    .limit = 1 + random_() % 500,
                                    .unfinished = unfinished,
                                    .tombstones = tombstones};
              ASSERT_EQ(expected(query), shown(query))
                  << "state '" << state << "', tags " << ::testing::PrintToString(some)
                  << (unfinished ? ", unfinished" : "") << (tombstones ? ", tombstones" : "")
                  << ", prefix '" << prefix << "', since " << since << ", limit " << query.limit;
            }
}

}  // namespace
}  // namespace conformance
