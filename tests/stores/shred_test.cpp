#include "scratch.h"

namespace store_tests {
namespace {

using domed::Entry;

constexpr const char* kSecret = "TOKEN=s3cret";
constexpr std::uint32_t kEnds[] = {5};  // of the one line of an entry

class SqliteShred : public SqliteTest {
 protected:
  // A job whose "fixed" is full of secrets, and is written anew, larger.
  static void add(domed::Store& store, const std::string& job_id, std::size_t repeats) {
    static std::int64_t created = 0;
    const std::int64_t at = ++created;
    for (std::uint64_t head : {0, 1}) {
      std::string fixed;
      for (std::size_t i = 0; i < repeats * (head + 1); ++i) fixed += kSecret;
      const std::string expected = revision_of(store, job_id);
      const std::string revision = new_revision();
      commit(store, {.job_id = job_id,
                     .expected_revision = expected,
                     .revision = revision,
                     .base = head,
                     .events = "line\n",
                     .ends = kEnds,
                     .fixed = fixed,
                     .head = "head",
                     .columns = {.created = at}});
    }
  }
  static void purge(domed::Store& store, const std::string& job_id) {
    const auto job = store.find(job_id);
    const std::string revision = new_revision();
    commit(store, {.action = Entry::Action::purge,
                   .job_id = job_id,
                   .expected_revision = job->revision,
                   .revision = revision,
                   .head = "head",
                   .columns = job->columns});
  }
  static void commit(domed::Store& store, const Entry& entry) {
    ASSERT_EQ(store.commit({&entry, 1}).at(0), domed::Outcome::done);
  }
  // Whether any byte of it is left, in the file or its log.
  bool is_left() const {
    return (read_file(path()) + read_file(path() + "-wal")).find("s3cret") != std::string::npos;
  }
};

TEST_F(SqliteShred, NothingIsLeftOfWhatAPurgedJobHeld) {
  const auto store = open();
  std::vector<std::string> jobs;
  for (int i = 0; i < 10; ++i)
    for (const std::size_t repeats : {1, 20, 200, 3000}) {
      jobs.push_back("job-" + std::to_string(i) + "-" + std::to_string(repeats));
      add(*store, jobs.back(), repeats);
    }
  ASSERT_TRUE(is_left());
  // Not in their order, so that pages are merged in every way.
  for (std::size_t i = 0; i < jobs.size(); ++i) purge(*store, jobs[(i * 37) % jobs.size()]);
  EXPECT_FALSE(is_left());
}

TEST_F(SqliteShred, AJobThatStaysIsLeftAlone) {
  const auto store = open();
  add(*store, "gone", 500);
  add(*store, "stays", 500);
  const std::string before = store->find("stays")->fixed;
  purge(*store, "gone");
  EXPECT_EQ(store->find("stays")->fixed, before);
}

}  // namespace
}  // namespace store_tests
