#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"

namespace store_tests {
namespace {

using domed::Code;
using domed::StoreSqlite;

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status {};
  EXPECT_EQ(0, ::stat(path.c_str(), &status)) << path;
  return status.st_mode & 0777;
}

class SqliteOpen : public SqliteTest {
 protected:
  // Expects the file to be refused, and to be left as it is.
  domed::Error refused() {
    const std::string before = read_file(path());
    const domed::Error error = error_of([&] { open(); });
    expect_part(path(), error.what());
    EXPECT_TRUE(before == read_file(path())) << "the file was changed";
    return error;
  }
};

TEST_F(SqliteOpen, MakesAMissingFileAndItsDirectories) {
  StoreSqlite::Settings settings;
  settings.path = (directory() / "a" / "b" / "domed.db").string();
  StoreSqlite store(settings);
  EXPECT_TRUE(store.created());
  EXPECT_EQ(0700u, mode_of(directory() / "a"));
  EXPECT_EQ(0700u, mode_of(directory() / "a" / "b"));
}

TEST_F(SqliteOpen, FilesAreForTheirOwnerAlone) {
  const mode_t old = ::umask(0);
  const auto store = open();
  append(*store, "j", 0, 1);
  ::umask(old);
  for (const char* suffix : {"", "-wal", "-shm", ".lock"})
    EXPECT_EQ(0600u, mode_of(path() + suffix)) << suffix;
}

TEST_F(SqliteOpen, TakesAnEmptyFile) {
  write_file(path(), "");
  EXPECT_TRUE(open()->created());
  EXPECT_FALSE(open()->created());
}

TEST_F(SqliteOpen, TakesADatabaseWhoseMakingWasInterrupted) {
  with_sqlite("PRAGMA journal_mode = WAL; PRAGMA page_size = 4096; VACUUM");
  ASSERT_LT(0u, std::filesystem::file_size(path()));
  const auto store = open();
  append(*store, "j", 0, 1);
  EXPECT_EQ(1u, head_of(*store, "j"));
}

TEST_F(SqliteOpen, IsMarkedAsOurs) {
  open();
  domed::sqlite::Connection connection(path());
  EXPECT_EQ("2", connection.ask("PRAGMA user_version"));
  EXPECT_EQ(std::to_string(0x444f4d45), connection.ask("PRAGMA application_id"));
  EXPECT_EQ("wal", connection.ask("PRAGMA journal_mode"));
  EXPECT_EQ("2", connection.ask("PRAGMA auto_vacuum")) << "the disk is not given back";
}

TEST_F(SqliteOpen, LeavesOneFileAndItsLock) {
  append(*open(), "j", 0, 1);
  EXPECT_FALSE(std::filesystem::exists(path() + "-wal")) << "the log was not checkpointed";
  EXPECT_TRUE(std::filesystem::exists(path() + ".lock"));
}

TEST_F(SqliteOpen, RefusesADatabaseOfAnotherProgram) {
  with_sqlite("CREATE TABLE bookmarks(url)");
  const auto error = refused();
  EXPECT_EQ(Code::unsupported, error.code());
  expect_part("another program", error.what());
}

TEST_F(SqliteOpen, RefusesAnotherApplicationId) {
  with_sqlite("PRAGMA application_id = 7");
  EXPECT_EQ(Code::unsupported, refused().code());
}

TEST_F(SqliteOpen, RefusesANewerLayout) {
  open();
  with_sqlite("PRAGMA user_version = 7");
  const auto error = refused();
  EXPECT_EQ(Code::unsupported, error.code());
  expect_part("layout 7", error.what());
  expect_part("up to 2", error.what());
}

TEST_F(SqliteOpen, RefusesALayoutThatCannotBe) {
  open();
  for (const char* version : {"-1", "-2147483648", "0"}) {
    with_sqlite(std::string("PRAGMA user_version = ") + version);
    const auto error = refused();
    EXPECT_EQ(Code::corruption, error.code());
    expect_part(std::string("layout ") + version, error.what());
  }
}

TEST_F(SqliteOpen, RefusesALayoutWithoutItsTables) {
  with_sqlite("PRAGMA application_id = 1146047813; PRAGMA user_version = 2");
  EXPECT_EQ(Code::corruption, refused().code());
}

TEST_F(SqliteOpen, RefusesAFileThatIsNoDatabase) {
  write_file(path(), "#!/bin/sh\necho this is somebody's script, not a database\n");
  const auto error = refused();
  EXPECT_EQ(Code::corruption, error.code());
  expect_part("not an SQLite database", error.what());
}

TEST_F(SqliteOpen, RefusesADirectory) {
  std::filesystem::create_directory(path());
  expect_part(path(), error_of([&] { open(); }).what());
}

TEST_F(SqliteOpen, RefusesADirectoryThatCannotBeWritten) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  ::chmod(directory().c_str(), 0500);
  const auto error = error_of([&] { open(); });
  ::chmod(directory().c_str(), 0700);
  EXPECT_EQ(Code::io, error.code());
  expect_part("Permission denied", error.what());
}

TEST_F(SqliteOpen, SecondOneIsRefusedByName) {
  const auto store = open();
  const auto error = error_of([&] { open(); });
  EXPECT_EQ(Code::conflict, error.code());
  expect_part(path() + " is in use by another domed (pid " + std::to_string(::getpid()) + ")",
              error.what());
  expect_part("stop it or choose another path", error.what());
}

TEST_F(SqliteOpen, SecondOneIsRefusedByAHardLinkToo) {
  const auto store = open();
  StoreSqlite::Settings settings;
  settings.path = (directory() / "other.db").string();
  std::filesystem::create_hard_link(path(), settings.path);
  const auto error = error_of([&] { StoreSqlite second(settings); });
  EXPECT_EQ(Code::conflict, error.code());
  expect_part("in use by another domed under another name", error.what());
}

TEST_F(SqliteOpen, SecondOneIsRefusedWithoutTheLockFileToo) {
  const auto store = open();
  std::filesystem::remove(path() + ".lock");
  EXPECT_EQ(Code::conflict, error_of([&] { open(); }).code());
}

TEST_F(SqliteOpen, SecondOneIsRefusedByAnotherNameToo) {
  const auto store = open();
  std::filesystem::create_directory_symlink(directory(), directory() / "link");
  StoreSqlite::Settings settings;
  settings.path = (directory() / "link" / "domed.db").string();
  EXPECT_EQ(Code::conflict, error_of([&] { StoreSqlite second(settings); }).code());
}

TEST_F(SqliteOpen, RefusedSecondOneLeavesTheFirstAtWork) {
  const auto store = open();
  error_of([&] { open(); });
  append(*store, "j", 0, 3);
  EXPECT_EQ(3u, head_of(*store, "j"));
}

TEST_F(SqliteOpen, IsFreeAgainAfterARefusal) {
  write_file(path(), "no database, but long enough to look at");
  error_of([&] { open(); });
  std::filesystem::remove(path());
  EXPECT_TRUE(open()->created());
}

TEST_F(SqliteOpen, SynchronousDecidesTheDurability) {
  EXPECT_EQ(domed::Durability::power, open()->durability());
  StoreSqlite::Settings settings;
  settings.path = path();
  settings.full = false;
  EXPECT_EQ(domed::Durability::process, StoreSqlite(settings).durability());
}

TEST_F(SqliteOpen, OneReaderIsEnough) {
  StoreSqlite::Settings settings;
  settings.path = path();
  settings.readers = 1;
  StoreSqlite store(settings);
  append(store, "j", 0, 2);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(2u, head_of(store, "j"));
}

}  // namespace
}  // namespace store_tests
