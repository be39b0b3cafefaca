#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "domed/store_rules.h"
#include "layout_1.h"
#include "power_vfs.h"
#include "scratch.h"

namespace store_tests {
namespace {

using domed::StoreSqlite;

class SqliteMigration : public SqliteTest {
 protected:
  static constexpr int kJobs = 300;

  StoreSqlite::Settings settings(const std::filesystem::path& directory) {
    StoreSqlite::Settings settings;
    settings.path = (directory / "domed.db").string();
    settings.log = [this](domed::Level, const std::string& text) { told_ += text + '\n'; };
    return settings;
  }

  // Every byte is there, and every job by each of its tags.
  static void expect_all(const domed::Store& store) {
    std::set<std::string> revisions;
    for (int i = 0; i < kJobs; ++i) {
      const auto want = expected_of_layout_1(i);
      const auto job = store.find(want.job_id);
      ASSERT_TRUE(job.has_value()) << i;
      EXPECT_EQ(want.columns.created, job->columns.created);
      EXPECT_EQ(want.columns.state, job->columns.state);
      EXPECT_EQ(want.columns.unfinished, job->columns.unfinished);
      EXPECT_EQ(want.columns.tags, job->columns.tags);
      EXPECT_EQ(want.tombstone, job->tombstone);
      EXPECT_EQ(want.first_seq, job->first_seq);
      EXPECT_EQ(want.head_seq, job->head_seq);
      EXPECT_EQ(want.head, job->head);
      EXPECT_EQ(want.fixed, job->fixed);
      EXPECT_EQ(domed::kRevisionBytes, job->revision.size());
      revisions.insert(job->revision);
      const auto slice = store.read(want.job_id, 1, 100, 1 << 20);
      EXPECT_EQ(want.tombstone ? "" : lines_of_layout_1(i), slice->events);
    }
    EXPECT_EQ(static_cast<std::size_t>(kJobs), revisions.size());
    expect_lists(store);
  }

  static std::size_t count(const domed::Store& store, domed::ListQuery query) {
    std::size_t jobs = 0;
    for (;;) {
      const domed::JobPage page = store.list(query);
      jobs += page.jobs.size();
      if (!page.more) return jobs;
      domed::go_on(page, query);
    }
  }

  static void expect_lists(const domed::Store& store) {
    std::size_t tombstones = 0, unfinished = 0, made = 0;
    for (int i = 0; i < kJobs; ++i) {
      const auto job = expected_of_layout_1(i);
      tombstones += job.tombstone;
      unfinished += job.columns.unfinished;
      const auto& tags = job.columns.tags;
      made += !job.tombstone && !tags.empty() && tags.front() == "tool=make";
    }
    EXPECT_EQ(kJobs - tombstones, count(store, {}));
    EXPECT_EQ(tombstones, count(store, {.tombstones = true}));
    EXPECT_EQ(unfinished, count(store, {.unfinished = true}));
    EXPECT_EQ(unfinished, count(store, {.state = "running"}));
    EXPECT_EQ(made, count(store, {.tags = {"tool=make"}}));
  }

  std::string told_;
};

TEST_F(SqliteMigration, KeepsEveryByte) {
  make_layout_1(path(), kJobs);
  std::string incarnation;
  {
    StoreSqlite store(settings(directory()));
    expect_all(store);
    incarnation = store.incarnation();
    expect_part("to layout 2 begins, 300 jobs", told_);
    expect_part("to layout 2 has done all 300 jobs", told_);
  }
  told_.clear();
  StoreSqlite store(settings(directory()));
  expect_all(store);
  EXPECT_EQ(incarnation, store.incarnation());
  EXPECT_EQ("", told_) << "it is done once";
}

TEST_F(SqliteMigration, JobsGoOnAfterwards) {
  make_layout_1(path(), kJobs);
  StoreSqlite store(settings(directory()));
  const std::string job_id = expected_of_layout_1(1).job_id;
  EXPECT_EQ(domed::Outcome::done, append(store, job_id, 10, 5));
  EXPECT_EQ(15u, head_of(store, job_id));
  EXPECT_EQ(5u, store.read(job_id, 11, 100, 1 << 20)->ends.size());
}

// As docs/store-sqlite.md tells.
TEST_F(SqliteMigration, VacuumLetsItGiveBackDisk) {
  make_layout_1(path(), kJobs);
  const std::string incarnation = StoreSqlite(settings(directory())).incarnation();
  with_sqlite("PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
  const StoreSqlite store(settings(directory()));
  EXPECT_EQ(incarnation, store.incarnation()) << told_;
  domed::sqlite::Connection connection(path());
  EXPECT_EQ("2", connection.ask("PRAGMA auto_vacuum"));
  expect_all(store);
}

TEST_F(SqliteMigration, EmptyOneIsTakenToo) {
  make_layout_1(path(), 0);
  EXPECT_TRUE(StoreSqlite(settings(directory())).list({}).jobs.empty());
}

// Whenever the power goes, the next one begins again, or finds it done.
TEST_F(SqliteMigration, BrokenOffAnywhereIsBegunAgain) {
  const auto old = directory() / "old";
  std::filesystem::create_directory(old);
  make_layout_1((old / "domed.db").string(), kJobs);
  std::mt19937_64 random(1);
  bool whole = false;
  for (std::uint64_t end = 1; !whole && !HasFailure(); end += 1 + end / 12) {
    const auto place = directory() / "place", left = directory() / "left";
    for (const auto& fresh : {place, left}) {
      std::filesystem::remove_all(fresh);
      std::filesystem::create_directory(fresh);
    }
    std::filesystem::copy_file(old / "domed.db", place / "domed.db");
    {
      PowerVfs disk;
      disk.know(place / "domed.db");
      disk.end_at(end, PowerVfs::End::power);
      try {
        StoreSqlite store(settings(place));
        whole = !disk.is_off();
      } catch (const domed::Error&) {
      }
      whole = whole && !disk.is_off();
      disk.leave_in(left, random);
    }
    SCOPED_TRACE("ended at operation " + std::to_string(end));
    const PowerVfs quick;
    const StoreSqlite store(settings(left));
    expect_all(store);
  }
  EXPECT_TRUE(whole);
}

}  // namespace
}  // namespace store_tests
