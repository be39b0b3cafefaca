#include <cstdlib>
#include <functional>
#include <random>
#include <set>
#include <tuple>

#include "domed/store_rules.h"
#include "scratch.h"

namespace store_tests {
namespace {

using domed::Code;
using domed::StoreSqlite;

// Bytes of the indexes that are changed while nobody uses the file.  SQLite checks none of
// them: its searches and ranges go astray in silence.
class SqliteIndexDamage : public SqliteTest {
 protected:
  static constexpr int kJobs = 400;  // several pages of every index

  void SetUp() override {
    {
      const auto store = opened();
      for (int i = 0; i < kJobs; ++i) create(*store, i);
    }
    whole_ = read_file(path());
    mark_ = read_file(path() + "-mark");
  }

  // The files as they were left, but for the database's "bytes".
  void put(const std::string& bytes) {
    write_file(path(), bytes);
    write_file(path() + "-mark", mark_);
    told_.clear();
  }

  std::unique_ptr<StoreSqlite> opened() {
    StoreSqlite::Settings settings;
    settings.path = path();
    settings.full = false;
    settings.log = [this](domed::Level level, const std::string& text) {
      if (level == domed::Level::error) told_.push_back(text);
    };
    return std::make_unique<StoreSqlite>(settings);
  }

  static void create(domed::Store& store, int i) {
    const std::string id = id_of(i), revision = new_revision();
    const std::uint32_t end = 5;
    const domed::Entry entry{
        .job_id = id,
        .revision = revision,
        .events = "line\n",
        .ends = {&end, 1},
        .head = "head",
        .columns = {.created = i + 1, .state = "running", .tags = {"tool=make"}}};
    ASSERT_EQ(domed::Outcome::done, store.commit({&entry, 1}).at(0));
  }

  // So that neighbours in the order of ids are none in that of time.
  static std::string id_of(int i) { return "job-" + std::to_string(i * 7919 % 10007); }

  // The pages of an index or table, the root among them.
  std::vector<std::size_t> pages_of(const std::string& name) const {
    domed::sqlite::Connection connection(path());
    const std::string sql = "SELECT pageno FROM dbstat WHERE name = '" + name + "'";
    domed::sqlite::Query rows(connection.prepared(sql), connection.path());
    std::vector<std::size_t> pages;
    while (rows.step()) pages.push_back(static_cast<std::size_t>(rows.integer()));
    return pages;
  }

  // Calls "look" with the store on a file of which one byte of "name" is changed, "times" times.
  void flip(const std::string& name, int times, const std::function<void(StoreSqlite&)>& look) {
    const auto pages = pages_of(name);
    ASSERT_LT(2u, pages.size());
    // Always the same flips, unless others are asked for: a few of all there are do cut a list in
    // two places without a trace (schema.h).
    const char* given = std::getenv("DOMED_SEED");
    const auto seed = given ? static_cast<unsigned>(std::atoi(given)) : 1u;
    RecordProperty("seed", std::to_string(seed));
    std::mt19937 random(seed);
    for (int i = 0; i < times && !HasFailure(); ++i) {
      std::string bytes = whole_;
      // Every second one at a place that a search begins at.
      const std::size_t page = i % 2 == 0 ? pages[0] : pages[random() % pages.size()];
      std::size_t at = random() % 4096;
      if (at == 3 || at == 4) at = 5;  // the count of a page's entries
      at += (page - 1) * 4096;
      const char mask = static_cast<char>(1 + random() % 255);
      SCOPED_TRACE("seed " + std::to_string(seed) + ", flip " + std::to_string(i) + ", byte " +
                   std::to_string(at) + " changed by " + std::to_string(mask));
      bytes[at] = static_cast<char>(bytes[at] ^ mask);
      put(bytes);
      look(*opened());
    }
    put(whole_);
  }

  // The ids of all pages of "query", which go on as clients go on.
  static std::set<std::string> listed(const domed::Store& store, domed::ListQuery query) {
    std::set<std::string> ids;
    for (;;) {
      const domed::JobPage page = store.list(query);
      for (const auto& record : page.jobs)
        if (!record.head.empty()) ids.insert(record.job_id);
      if (!page.more) return ids;
      if (query.id_prefix.empty() && query.before != 0 &&
          std::tie(page.before, page.before_id) >= std::tie(query.before, query.before_id))
        return ids;  // a damaged entry, as the kernel finds
      domed::go_on(page, query);
    }
  }

  std::string whole_, mark_;
  std::vector<std::string> told_;
};

constexpr auto kIdIndex = "sqlite_autoindex_jobs_1";

TEST_F(SqliteIndexDamage, EveryJobIsFoundWithoutTheIndexOfIds) {
  int told = 0;
  flip(kIdIndex, 200, [&](StoreSqlite& store) {
    for (int i = 0; i < kJobs; ++i) {
      const auto job = store.find(id_of(i));
      ASSERT_TRUE(job.has_value()) << id_of(i) << " is silently gone";
      ASSERT_EQ(id_of(i), job->job_id);
      if (i % 16 != 0) continue;
      ASSERT_EQ(1u, store.read(id_of(i), 1, 9, 999)->ends.size());
    }
    // Where SQLite itself finds the first index damaged, nothing proves that a job is not there.
    try {
      EXPECT_FALSE(store.find("job-x").has_value());
    } catch (const domed::Error& error) {
      EXPECT_EQ(Code::corruption, error.code()) << error.what();
    }
    ASSERT_GE(1u, told_.size()) << told_.front() << "; " << told_.back();
    if (told_.empty()) return;
    ++told;
    expect_part("the index of job ids is damaged", told_.front());
    expect_part(path(), told_.front());
  });
  EXPECT_LT(10, told);
}

TEST_F(SqliteIndexDamage, NoJobIsMadeTwiceAndEachGoesOn) {
  flip(kIdIndex, 60, [&](StoreSqlite& store) {
    for (int i = 0; i < kJobs; i += 37) {
      const auto as_new = [&] { return append(store, id_of(i), 0, 1, 20); };
      ASSERT_EQ(domed::Outcome::conflict, as_new()) << id_of(i);
      ASSERT_EQ(domed::Outcome::done, append(store, id_of(i), 1, 2, 20)) << id_of(i);
      ASSERT_EQ(3u, store.read(id_of(i), 1, 9, 999)->ends.size());
    }
  });
}

TEST_F(SqliteIndexDamage, TheSecondIndexMayBeDamagedAlone) {
  flip("named", 50, [&](StoreSqlite& store) {
    for (int i = 0; i < kJobs; ++i) ASSERT_TRUE(store.find(id_of(i)).has_value()) << id_of(i);
    EXPECT_TRUE(told_.empty()) << told_.front();
  });
}

// As the line in the log says.
TEST_F(SqliteIndexDamage, ReindexMendsIt) {
  for (const std::size_t page : pages_of(kIdIndex)) {
    std::string bytes = whole_;
    bytes.replace((page - 1) * 4096 + 2000, 2000, std::string(2000, '\x5a'));
    put(bytes);
    with_sqlite("REINDEX jobs");
    const auto store = opened();
    for (int i = 0; i < kJobs; ++i) ASSERT_TRUE(store->find(id_of(i)).has_value()) << id_of(i);
    EXPECT_TRUE(told_.empty()) << told_.front();
  }
}

// A page's count of its entries is all that says how many there are, so that a hit there leaves
// out the last ones unseen (schema.h): the two bytes are left alone here.
TEST_F(SqliteIndexDamage, AListLeavesOutOneJobAtMost) {
  int told = 0;
  const domed::ListQuery by_time{.limit = 90}, by_id{.id_prefix = "job-", .limit = 90};
  const domed::ListQuery by_tags{.state = "running", .tags = {"tool=make"}, .limit = 90};
  for (const auto& query : {by_time, by_id, by_tags})
    flip(query.id_prefix.empty() ? "listed" : kIdIndex, 100, [&](StoreSqlite& store) {
      EXPECT_LE(kJobs - 1u, listed(store, query).size());
      told += told_.empty() ? 0 : 1;
    });
  EXPECT_LT(10, told) << "of 300";
}

}  // namespace
}  // namespace store_tests
