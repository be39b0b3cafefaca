// That a page of our stores ends where little fits; that nothing is lost by it is in
// ../conformance.
#include <memory>
#include <string>
#include <vector>

#include "scratch.h"
#include "store-memory/store_memory.h"

namespace store_tests {
namespace {

class ShortPages : public SqliteTest {
 protected:
  static constexpr int kJobs = 5000;

  // Each has one tag of two, by turns, and one state.
  static void fill(domed::Store& store) {
    std::vector<std::string> ids, revisions;
    for (int i = 0; i < kJobs; ++i) {
      ids.push_back("job-" + std::to_string(i));
      revisions.push_back(new_revision());
    }
    const std::uint32_t end = 2;
    std::vector<domed::Entry> entries(kJobs);
    for (int i = 0; i < kJobs; ++i) {
      domed::Entry& entry = entries[static_cast<std::size_t>(i)];
      entry.job_id = ids[static_cast<std::size_t>(i)];
      entry.revision = revisions[static_cast<std::size_t>(i)];
      entry.events = "x\n";
      entry.ends = {&end, 1};
      entry.fixed = "f";
      entry.head = "h";
      entry.columns = {.created = i + 1, .state = "s", .tags = {i % 2 ? "odd" : "even"}};
    }
    for (const domed::Outcome outcome : store.commit(entries))
      ASSERT_EQ(domed::Outcome::done, outcome);
  }

  // Without work that grows with the store, what nobody has is not known of all jobs.
  static void expect_short(domed::Store& store) {
    fill(store);
    for (const domed::ListQuery& query :
         {domed::ListQuery{.tags = {"odd", "even"}},
          domed::ListQuery{.state = "t", .id_prefix = "j"},
          domed::ListQuery{.tags = {"odd"}, .id_prefix = "job-", .limit = 10000},
          domed::ListQuery{.limit = 10000}}) {
      const domed::JobPage page = store.list(query);
      EXPECT_TRUE(page.more) << query.id_prefix << ' ' << page.jobs.size();
      EXPECT_GT(2000u, page.jobs.size());
    }
  }
};

TEST_F(ShortPages, OfMemoryEndWhereLittleFits) {
  domed::StoreMemory memory;
  expect_short(memory);
}

TEST_F(ShortPages, OfSqliteEndWhereLittleFits) {
  expect_short(*open());
}

}  // namespace
}  // namespace store_tests
