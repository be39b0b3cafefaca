#include <fcntl.h>
#include <unistd.h>

#include "scratch.h"

namespace store_tests {
namespace {

using domed::Code;

// A store whose file was hurt while nobody used it: never an empty success.
class SqliteDamage : public SqliteTest {
 protected:
  void SetUp() override {
    const auto store = open();
    for (std::uint64_t head = 0; head < 300; head += 10) append(*store, "j", head, 10, 1000);
  }

  domed::Error error_of_use() const {
    return error_of([&] { read_whole(*open()); });
  }

  // The leaves of a table, none of which is its root.
  std::vector<std::size_t> pages_of(const std::string& table) const {
    domed::sqlite::Connection connection(path());
    std::vector<std::size_t> pages;
    const std::string sql = "SELECT pageno FROM dbstat WHERE name = '" + table +
                            "' AND pagetype IN ('leaf', 'overflow') AND path != '/'";
    domed::sqlite::Query rows(connection.prepared(sql), connection.path());
    while (rows.step()) pages.push_back(static_cast<std::size_t>(rows.integer()));
    return pages;
  }

  static void read_whole(const domed::Store& store) {
    const auto slice = store.read("j", 1, 1000, 1 << 30);
    ASSERT_TRUE(slice.has_value()) << "the job is silently gone";
    ASSERT_EQ(300u, slice->ends.size()) << "events are silently gone";
  }
};

TEST_F(SqliteDamage, UnhurtFileIsReadWhole) {
  read_whole(*open());
}

TEST_F(SqliteDamage, TruncatedFileIsCorruption) {
  std::filesystem::resize_file(path(), std::filesystem::file_size(path()) / 2);
  const auto error = error_of_use();
  EXPECT_EQ(Code::corruption, error.code());
  expect_part(path(), error.what());
  expect_part("backup", error.what());
}

TEST_F(SqliteDamage, TruncatedHeaderIsCorruption) {
  std::filesystem::resize_file(path(), 50);
  EXPECT_EQ(Code::corruption, error_of_use().code());
}

TEST_F(SqliteDamage, GarbagePagesAreCorruption) {
  std::string bytes = read_file(path());
  for (std::size_t i = 4096; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 % 251);
  write_file(path(), bytes);
  EXPECT_EQ(Code::corruption, error_of_use().code());
}

TEST_F(SqliteDamage, MissingChunkIsCorruptionOfItsOwnEventsOnly) {
  with_sqlite("DELETE FROM chunks WHERE (key & 0xffffffff) = 101");
  const auto store = open();
  for (const std::uint64_t from : {101, 105, 110}) {
    const auto error = error_of([&] { store->read("j", from, 1000, 1 << 30); });
    EXPECT_EQ(Code::corruption, error.code());
    expect_part("event " + std::to_string(from) + " of the job 'j'", error.what());
  }
  EXPECT_EQ(100u, store->read("j", 1, 1000, 1 << 30)->ends.size());
  EXPECT_EQ(190u, store->read("j", 111, 1000, 1 << 30)->ends.size());
}

TEST_F(SqliteDamage, BackwardReadGivesWhatStandsBehindTheDamage) {
  with_sqlite("DELETE FROM chunks WHERE (key & 0xffffffff) = 101");
  const auto store = open();
  const auto read = [&](std::uint64_t below) {
    return store->read("j", below, 1000, 1 << 30, domed::Direction::backward);
  };
  EXPECT_EQ(111u, read(301)->from);
  EXPECT_EQ(190u, read(301)->ends.size());
  EXPECT_EQ(100u, read(101)->ends.size());
  expect_part("event 110 of the job 'j'", error_of([&] { read(111); }).what());
}

TEST_F(SqliteDamage, ShortChunkLacksItsLastEvents) {
  with_sqlite(
      "UPDATE chunks SET lines = substr(lines, 1, 3 * 1001) WHERE (key & 0xffffffff) = 101");
  const auto store = open();
  EXPECT_EQ(103u, store->read("j", 1, 1000, 1 << 30)->ends.size());
  EXPECT_EQ(Code::corruption, error_of([&] { store->read("j", 104, 9, 9); }).code());
  const auto behind = store->read("j", 301, 1000, 1 << 30, domed::Direction::backward);
  EXPECT_EQ(111u, behind->from);
  const auto before = store->read("j", 104, 1000, 1 << 30, domed::Direction::backward);
  EXPECT_EQ(103u, before->ends.size());
}

TEST_F(SqliteDamage, MissingLogIsCorruption) {
  with_sqlite("DELETE FROM chunks");
  EXPECT_EQ(Code::corruption, error_of_use().code());
}

TEST_F(SqliteDamage, AnotherJobsChunksAreNotTaken) {
  append(*open(), "k", 0, 10);
  with_sqlite("DELETE FROM chunks WHERE key >> 32 = 2");
  EXPECT_EQ(Code::corruption, error_of([&] { open()->read("k", 5, 10, 1 << 20); }).code());
}

// Each page of the table of jobs in turn: what stands on it cannot be read, and everything
// else can.
TEST_F(SqliteDamage, DamagedPageOfRecordsHurtsTheirJobsOnly) {
  constexpr int kJobs = 150;
  {
    const auto store = open();
    for (int i = 0; i < kJobs; ++i) append(*store, "job-" + std::to_string(i), 0, 1, 100);
  }
  const std::string whole = read_file(path());
  int damaged_pages = 0;
  for (const std::size_t page : pages_of("jobs")) {
    std::string bytes = whole;
    bytes.replace((page - 1) * 4096, 4096, std::string(4096, '\x5a'));
    write_file(path(), bytes);
    const auto store = open();
    const auto records = store->list({.limit = 1000}).jobs;
    EXPECT_EQ(kJobs + 1u, records.size());
    int unreadable = 0;
    for (const auto& record : records) {
      if (!record.head.empty()) {
        EXPECT_EQ(record.head_seq, store->read(record.job_id, 1, 1000, 1 << 30)->ends.size());
        continue;
      }
      ++unreadable;
      const auto error = error_of([&] { store->find(record.job_id); });
      EXPECT_EQ(Code::corruption, error.code());
      expect_part("the record of the job '" + record.job_id + "' cannot be read", error.what());
      EXPECT_EQ(Code::corruption, error_of([&] { store->read(record.job_id, 1, 9, 9); }).code());
    }
    EXPECT_LT(0, unreadable);
    damaged_pages += unreadable < kJobs ? 1 : 0;
  }
  EXPECT_LT(1, damaged_pages);
}

TEST_F(SqliteDamage, DamagedPageOfChunksHurtsTheirEventsOnly) {
  append(*open(), "k", 0, 10);
  const std::string whole = read_file(path());
  std::size_t reads = 0, pages = 0;
  for (const std::size_t page : pages_of("chunks")) {
    std::string bytes = whole;
    bytes.replace((page - 1) * 4096, 4096, std::string(4096, '\x5a'));
    write_file(path(), bytes);
    const auto store = open();
    ++pages;
    for (std::uint64_t seq = 1; seq <= 300; seq += 9) {
      try {
        const auto slice = store->read("j", seq, 1, 1 << 20);
        EXPECT_EQ(1u, slice->ends.size());
        ++reads;
      } catch (const domed::Error& error) {
        EXPECT_EQ(Code::corruption, error.code());
        expect_part("event " + std::to_string(seq) + " of the job 'j'", error.what());
      }
    }
    EXPECT_EQ(2u, store->list({.limit = 1000}).jobs.size()) << "the listing is hurt";
  }
  EXPECT_LT(pages * 20, reads) << "most events are on other pages";
}

TEST_F(SqliteDamage, TornWriteAheadLogLosesNothingOlder) {
  const auto store = open();
  append(*store, "j", 300, 5, 1000);
  const std::string database = read_file(path());
  const std::string log = read_file(path() + "-wal");
  append(*store, "j", 305, 5, 1000);
  const std::string torn = read_file(path() + "-wal").substr(0, log.size() + 2000);
  write_file(directory() / "copy.db", database);
  write_file(directory() / "copy.db-wal", torn);
  domed::StoreSqlite::Settings settings;
  settings.path = (directory() / "copy.db").string();
  EXPECT_EQ(305u, head_of(domed::StoreSqlite(settings), "j"));
}

}  // namespace
}  // namespace store_tests
