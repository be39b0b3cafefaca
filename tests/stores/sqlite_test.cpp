#include "scratch.h"

namespace store_tests {
namespace {

using domed::Code;
using domed::sqlite::Blob;
using domed::sqlite::Connection;
using domed::sqlite::Text;
using domed::sqlite::Transaction;

class Sqlite : public SqliteTest {
 protected:
  Sqlite() { with_sqlite("CREATE TABLE t(a, b)"); }
  std::int64_t rows(Connection& connection) {
    auto query = connection.query("SELECT count(*) FROM t");
    return query.step() ? query.integer() : -1;
  }
};

TEST_F(Sqlite, GivesBackTheBytesItWasGiven) {
  Connection connection(path());
  const std::string bytes("\0\xff\n'\0", 5);
  connection.query("INSERT INTO t VALUES(?, ?)", Blob{bytes}, Text{"text"}).run();
  auto query = connection.query("SELECT a, b FROM t");
  ASSERT_TRUE(query.step());
  EXPECT_EQ(bytes, query.bytes());
  EXPECT_EQ("text", query.bytes());
  EXPECT_FALSE(query.step());
}

TEST_F(Sqlite, EmptyBytesAreNotNull) {
  Connection connection(path());
  connection.query("INSERT INTO t VALUES(?, ?)", Blob{{}}, Text{{}}).run();
  EXPECT_EQ("1", connection.ask("SELECT count(*) FROM t WHERE a IS NOT NULL AND b IS NOT NULL"));
}

TEST_F(Sqlite, ForgottenTransactionIsRolledBack) {
  Connection connection(path());
  {
    Transaction transaction(connection, Transaction::Kind::write);
    connection.run("INSERT INTO t VALUES(1, 2)");
  }
  EXPECT_FALSE(connection.in_transaction());
  EXPECT_EQ(0, rows(connection));
}

TEST_F(Sqlite, FullDatabaseIsExhausted) {
  Connection connection(path());
  connection.run("PRAGMA max_page_count = 4");
  const auto error = error_of([&] { connection.run("INSERT INTO t VALUES(zeroblob(100000), 1)"); });
  EXPECT_EQ(Code::exhausted, error.code());
  expect_part(path(), error.what());
  expect_part("make room", error.what());
  expect_part("KiB are free", error.what());
}

TEST_F(Sqlite, LockOfAnotherProgramIsIo) {
  Connection other(path());
  Connection connection(path());
  const Transaction held(other, Transaction::Kind::write);
  const auto error = error_of([&] { Transaction(connection, Transaction::Kind::write); });
  EXPECT_EQ(Code::io, error.code());
  expect_part("close it", error.what());
}

TEST_F(Sqlite, WrongStatementIsADefect) {
  Connection connection(path());
  EXPECT_EQ(Code::internal, error_of([&] { connection.query("SELECT nothing"); }).code());
}

}  // namespace
}  // namespace store_tests
