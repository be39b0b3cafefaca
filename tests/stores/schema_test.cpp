#include "scratch.h"

namespace store_tests {
namespace {

using domed::Code;

class SqliteSchema : public SqliteTest {};

// Each letter of the tables' descriptions in turn; SQLite looks at none of them.
TEST_F(SqliteSchema, ChangedColumnIsCorruptionAndNoDefect) {
  open().reset();
  const std::string good = read_file(path());
  const std::size_t begin = good.find("CREATE TABLE jobs");
  ASSERT_NE(std::string::npos, begin);
  for (const char* column : {"job_id", "first_seq", "unfinished", "revision", "BLOB", "STRICT"}) {
    std::string bytes = good;
    bytes[bytes.find(column, begin) + 1] = 'q';
    write_file(path(), bytes);
    EXPECT_EQ(Code::corruption, error_of([&] { open(); }).code()) << column;
  }
}

}  // namespace
}  // namespace store_tests
