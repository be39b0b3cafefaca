#include <sys/stat.h>

#include <thread>

#include "scratch.h"

namespace store_tests {
namespace {

class SqliteReclaim : public SqliteTest {
 protected:
  static void fill(domed::Store& store, int jobs) {
    for (int i = 0; i < jobs; ++i) append(store, "job-" + std::to_string(i), 0, 100, 4000);
  }
  static void purge(domed::Store& store, const std::string& job_id) {
    const std::string expected = revision_of(store, job_id);
    const std::string revision = new_revision();
    const domed::Entry entry{.action = domed::Entry::Action::purge,
                             .job_id = job_id,
                             .expected_revision = expected,
                             .revision = revision,
                             .head = "head"};
    ASSERT_EQ(domed::Outcome::done, store.commit({&entry, 1}).at(0));
  }
  // Waits until the file has become smaller than "bytes"; the limit is for a defect only.
  bool shrinks_below(std::uintmax_t bytes) const {
    for (int i = 0; i < 3000; ++i) {
      if (std::filesystem::file_size(path()) < bytes) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
};

TEST_F(SqliteReclaim, GivesBackWhatPurgedJobsHeld) {
  const auto store = open();
  fill(*store, 40);
  append(*store, "stays", 0, 500, 1000);
  for (int i = 0; i < 40; ++i) purge(*store, "job-" + std::to_string(i));
  EXPECT_TRUE(shrinks_below(4 << 20)) << std::filesystem::file_size(path());
  EXPECT_EQ(500u, store->read("stays", 1, 1000, 1 << 30)->ends.size());
  append(*store, "stays", 500, 10);
  EXPECT_EQ(510u, head_of(*store, "stays"));
}

TEST_F(SqliteReclaim, GoesOnInTheNextUse) {
  {
    const auto store = open();
    fill(*store, 40);
    for (int i = 0; i < 40; ++i) purge(*store, "job-" + std::to_string(i));
  }
  const auto store = open();
  EXPECT_TRUE(shrinks_below(4 << 20)) << std::filesystem::file_size(path());
}

TEST_F(SqliteReclaim, LeavesAFewPagesForTheNextJobs) {
  const auto store = open();
  fill(*store, 40);
  const auto full = std::filesystem::file_size(path());
  purge(*store, "job-1");
  append(*store, "next", 0, 100, 4000);
  EXPECT_GE(std::filesystem::file_size(path()), full - (1 << 20));
}

TEST_F(SqliteReclaim, CommitsGoOnMeanwhile) {
  const auto store = open();
  fill(*store, 40);
  for (int i = 0; i < 40; ++i) purge(*store, "job-" + std::to_string(i));
  std::uint64_t head = 0;
  for (; head < 3000 && std::filesystem::file_size(path()) > (6 << 20); head += 10)
    append(*store, "j", head, 10, 10);
  EXPECT_EQ(head, store->read("j", 1, 100'000, 1 << 30)->ends.size());
}

}  // namespace
}  // namespace store_tests
