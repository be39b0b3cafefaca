#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "domed/error.h"
#include "domed/store.h"
#include "store-sqlite/sqlite.h"
#include "store-sqlite/store_sqlite.h"

namespace store_tests {

// A SQLite store in a directory of its own, removed with everything in it.
class SqliteTest : public ::testing::Test {
 protected:
  explicit SqliteTest(const std::filesystem::path& parent = std::filesystem::temp_directory_path());
  ~SqliteTest() override;

  std::filesystem::path directory() const { return directory_; }
  std::string path() const { return (directory_ / "domed.db").string(); }
  std::unique_ptr<domed::StoreSqlite> open() const;
  // Runs "sql" on the file, as another program would.
  void with_sqlite(const std::string& sql) const;

 private:
  std::filesystem::path directory_;
};

// A revision that was never given before.
std::string new_revision();
// The one that "job_id" has; empty where there is no such job.
std::string revision_of(const domed::Store& store, const std::string& job_id);
// Appends "count" events of "size" bytes to "job_id", whose head is "head".
domed::Outcome append(domed::Store& store, const std::string& job_id, std::uint64_t head,
                      std::size_t count, std::size_t size = 10);
std::uint64_t head_of(const domed::Store& store, const std::string& job_id);

void write_file(const std::filesystem::path& path, const std::string& bytes);
std::string read_file(const std::filesystem::path& path);

// The error that "action" throws; Code::internal with another text where none.
template <class Action>
domed::Error error_of(Action&& action) {
  try {
    action();
  } catch (const domed::Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {domed::Code::internal, "nothing was thrown"};
}

// Expects "text" to contain "part".
void expect_part(const std::string& part, const std::string& text);

}  // namespace store_tests
