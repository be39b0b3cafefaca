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

TEST_F(SqliteDamage, MissingChunkIsCorruption) {
  with_sqlite("DELETE FROM chunks WHERE (key & 0xffffffff) = 101");
  const auto error = error_of_use();
  EXPECT_EQ(Code::corruption, error.code());
  expect_part("event 101 of the job 'j'", error.what());
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
