#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

#include "scratch.h"
#include "script.h"

namespace store_tests {
namespace {

using domed::Code;
using domed::StoreSqlite;

// Counts its calls; breaks off at one of them, or does something there.
struct Watching final : domed::Progress {
  std::function<bool()> on = [] { return true; };
  std::uint64_t calls = 0, done = 0, total = 0;
  bool at(std::uint64_t now, std::uint64_t all) override {
    ++calls;
    done = now;
    total = all;
    return on();
  }
};

class SqliteBackup : public SqliteTest {
 protected:
  // A file without a name.
  int new_file() const {
    const int fd = ::open(directory().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    EXPECT_LE(0, fd);
    return fd;
  }
  static void fill(domed::Store& store, Script& script, int batches) {
    for (int i = 0; i < batches; ++i) {
      store.commit(script.next());
      script.done();
    }
  }
  static std::string bytes_of(int fd) {
    std::string bytes(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
    EXPECT_EQ(static_cast<ssize_t>(bytes.size()), ::pread(fd, bytes.data(), bytes.size(), 0));
    return bytes;
  }
  Watching watching_;
};

TEST_F(SqliteBackup, GivesEverythingBackAsANewIncarnation) {
  Script script(1), later(2);
  const int fd = new_file();
  std::string before;
  {
    const auto store = open();
    fill(*store, script, 80);
    before = store->incarnation();
    store->backup(fd, watching_);
    EXPECT_LT(0u, watching_.calls);
    EXPECT_EQ(watching_.total, watching_.done);
    append(*store, "later", 0, 100, 1000);
    store->restore(fd, watching_);
  }
  const auto store = open();
  EXPECT_EQ("", difference(script.expected(), *store));
  EXPECT_NE(before, store->incarnation());
  const std::string second = store->incarnation();
  append(*store, "later", 0, 1);
  EXPECT_EQ(second, store->incarnation());
  ::close(fd);
}

// Each step is followed by a commit, so that pages change before and behind the copy.
TEST_F(SqliteBackup, IsOfOneMomentWhileCommitsGoOn) {
  Script script(3);
  const auto store = open();
  fill(*store, script, 300);
  const int fd = new_file();
  watching_.on = [&] {
    fill(*store, script, 1);
    return true;
  };
  store->backup(fd, watching_);
  EXPECT_LT(3u, watching_.calls);
  // What it may be: as at the beginning, or behind any of the commits since.
  write_file(directory() / "copy.db", bytes_of(fd));
  StoreSqlite::Settings settings;
  settings.path = (directory() / "copy.db").string();
  const StoreSqlite copy(settings);
  Script again(3);
  bool found = false;
  for (std::uint64_t i = 0; i < 300 + watching_.calls && !found; ++i) {
    again.next();
    again.done();
    found = i + 1 >= 300 && difference(again.expected(), copy).empty();
  }
  EXPECT_TRUE(found) << "the copy is of no moment";
  EXPECT_NE(store->incarnation(), copy.incarnation());
  ::close(fd);
}

TEST_F(SqliteBackup, GoesOnBesideACommittingThread) {
  const auto store = open();
  for (std::uint64_t at = 0; at < 5000; at += 500) append(*store, "j", at, 500, 1000);
  std::atomic<bool> stop = false;
  std::uint64_t head = 0;
  std::thread writer([&] {
    for (; !stop; head += 10) append(*store, "k", head, 10, 1000);
  });
  const int fd = new_file();
  store->backup(fd, watching_);
  stop = true;
  writer.join();
  EXPECT_EQ(head, head_of(*store, "k"));
  store->restore(fd, watching_);
  EXPECT_EQ(5000u, head_of(*store, "j"));
  ::close(fd);
}

TEST_F(SqliteBackup, MayBeBrokenOff) {
  Script script(4);
  const auto store = open();
  fill(*store, script, 60);
  const int fd = new_file();
  watching_.on = [] { return false; };
  EXPECT_EQ(Code::unsupported, error_of([&] { store->backup(fd, watching_); }).code());
  EXPECT_EQ(1u, watching_.calls);
  fill(*store, script, 20);
  EXPECT_EQ("", difference(script.expected(), *store));
  ::close(fd);
}

TEST_F(SqliteBackup, BrokenOffRestoreChangesNothing) {
  Script script(5);
  const auto store = open();
  const int fd = new_file();
  fill(*store, script, 300);
  store->backup(fd, watching_);
  ASSERT_LT(2u, watching_.calls);
  fill(*store, script, 30);
  for (const std::uint64_t end : {1u, 2u}) {
    watching_.calls = 0;
    watching_.on = [&] { return watching_.calls < end; };
    EXPECT_EQ(Code::unsupported, error_of([&] { store->restore(fd, watching_); }).code());
    EXPECT_EQ("", difference(script.expected(), *store));
  }
  fill(*store, script, 5);
  EXPECT_EQ("", difference(script.expected(), *store));
  ::close(fd);
}

TEST_F(SqliteBackup, WhatIsNoCopyIsRefusedWithNothingChanged) {
  Script script(6);
  const auto store = open();
  fill(*store, script, 60);
  const int good = new_file();
  store->backup(good, watching_);
  const std::string copy = bytes_of(good);
  std::string damaged = copy;
  for (std::size_t i = 8192; i < 16384; ++i) damaged[i] = 'x';
  const std::pair<std::string, Code> others[] = {
      {"", Code::unsupported},
      {"no database at all, but a text that is longer than the header of one would be, "
       "which has a hundred bytes",
       Code::unsupported},
      {read_file(path()), Code::unsupported},  // in use
      {copy.substr(0, copy.size() / 2), Code::corruption},
      {damaged, Code::corruption}};
  for (const auto& [bytes, code] : others) {
    const int fd = new_file();
    ASSERT_EQ(static_cast<ssize_t>(bytes.size()), ::write(fd, bytes.data(), bytes.size()));
    const auto error = error_of([&] { store->restore(fd, watching_); });
    EXPECT_EQ(code, error.code()) << error.what();
    EXPECT_EQ("", difference(script.expected(), *store)) << error.what();
    ::close(fd);
  }
  fill(*store, script, 5);
  ::close(good);
}

TEST_F(SqliteBackup, CopyPutInPlaceByHandIsANewIncarnationToo) {
  Script script(7);
  const int fd = new_file();
  std::string before;
  {
    const auto store = open();
    fill(*store, script, 40);
    store->backup(fd, watching_);
    append(*store, "later", 0, 10);
    before = store->incarnation();
  }
  write_file(path(), bytes_of(fd));
  const auto store = open();
  EXPECT_NE(before, store->incarnation());
  EXPECT_EQ("", difference(script.expected(), *store));
  ::close(fd);
}

}  // namespace
}  // namespace store_tests
