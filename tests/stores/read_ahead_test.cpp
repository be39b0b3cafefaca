#include "store-sqlite/read_ahead.h"

#include "scratch.h"

namespace store_tests {
namespace {

using domed::ReadAhead;
using domed::sqlite::Connection;

class ReadAheadTest : public SqliteTest {
 protected:
  // 8 MiB in 100 rows.
  ReadAheadTest() {
    with_sqlite(
        "CREATE TABLE t(no INTEGER PRIMARY KEY, bytes BLOB);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
        " INSERT INTO t SELECT i, zeroblob(83886) FROM n");
    read_ahead_ = std::make_unique<ReadAhead>(path());
  }
  std::uint64_t fetched() const { return read_ahead_->fetched(); }
  void watch(Connection& connection) { read_ahead_->watch(connection.get()); }

 private:
  std::unique_ptr<ReadAhead> read_ahead_;
};

TEST_F(ReadAheadTest, FetchesWhatIsReadInOrder) {
  Connection connection(path());
  watch(connection);
  connection.ask("SELECT sum(length(hex(bytes))) FROM t");
  EXPECT_GE(fetched(), 6u << 20);
  EXPECT_LE(fetched(), 10u << 20);
}

TEST_F(ReadAheadTest, FetchesNothingForRowsHereAndThere) {
  Connection connection(path());
  watch(connection);
  for (const char* no : {"90", "50", "70", "10"})
    connection.ask(std::string("SELECT length(hex(substr(bytes, 1, 20000))) FROM t WHERE no = ") +
                   no);
  EXPECT_EQ(0u, fetched());
}

TEST_F(ReadAheadTest, LetsGoOfAConnectionThatIsClosed) {
  for (int i = 0; i < 3; ++i) {
    Connection connection(path());
    watch(connection);
    const auto before = fetched();
    connection.ask("SELECT sum(length(hex(bytes))) FROM t");
    EXPECT_GT(fetched(), before);
  }
}

}  // namespace
}  // namespace store_tests
