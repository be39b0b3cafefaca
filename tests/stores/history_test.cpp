#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "scratch.h"

namespace store_tests {
namespace {

using domed::StoreSqlite;
namespace fs = std::filesystem;

// What is found when a database is opened again: everything, and the same incarnation, or
// less, and another one, with the reason in the log.
class SqliteHistory : public SqliteTest {
 protected:
  SqliteHistory() {
    settings_.path = path();
    settings_.log = [this](domed::Level level, const std::string& text) {
      if (level == domed::Level::error) told_ += text + '\n';
    };
    incarnation_ = StoreSqlite(settings_).incarnation();
  }

  // Uses the store in a process that ends as by kill -9 behind "use".
  void die_after(const std::function<void(StoreSqlite&)>& use) {
    const pid_t child = ::fork();
    if (child == 0) {
      StoreSqlite store(settings_);
      use(store);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(0, status);
  }
  // An end with "count" events of "j" in the log.
  void die_with_log(std::uint64_t count) {
    die_after([&](StoreSqlite& store) {
      for (std::uint64_t head = 0; head < count; ++head) append(store, "j", head, 1, 5000);
    });
  }
  std::string log() const { return path() + "-wal"; }

  void expect_same() {
    const StoreSqlite store(settings_);
    EXPECT_EQ(incarnation_, store.incarnation());
    EXPECT_EQ("", told_);
  }
  // Expects another incarnation, that "part" is told, and that the next one is the same again.
  void expect_another(const std::string& part) {
    std::string another;
    {
      const StoreSqlite store(settings_);
      another = store.incarnation();
      EXPECT_NE(incarnation_, another);
      expect_part(part, told_);
      expect_part(incarnation_, told_);
    }
    told_.clear();
    incarnation_ = another;
    expect_same();
  }

  StoreSqlite::Settings settings_;
  std::string told_;
  std::string incarnation_;
};

TEST_F(SqliteHistory, IsOneOverCloseAndKill) {
  for (int i = 0; i < 3; ++i) expect_same();
  die_with_log(10);
  expect_same();
  die_after([](StoreSqlite&) {});
  expect_same();
  EXPECT_EQ(10u, head_of(*open(), "j"));
}

TEST_F(SqliteHistory, MissingLogIsTold) {
  die_with_log(5);
  fs::remove(log());
  expect_another("domed.db-wal is not the log that was left: it is missing or empty");
}

TEST_F(SqliteHistory, EmptyLogIsTold) {
  die_with_log(5);
  write_file(log(), "");
  expect_another("it is missing or empty");
}

TEST_F(SqliteHistory, LogWithoutItsBeginningIsTold) {
  die_with_log(5);
  std::string bytes = read_file(log());
  bytes[17] ^= 1;
  write_file(log(), bytes);
  expect_another("it is missing or empty");
}

TEST_F(SqliteHistory, ShortLogIsTold) {
  die_with_log(5);
  fs::resize_file(log(), fs::file_size(log()) - 1);
  expect_another("it ends, or has a bad frame");
  EXPECT_EQ(4u, head_of(*open(), "j"));
}

TEST_F(SqliteHistory, EveryBadFrameOfTheLogIsTold) {
  die_with_log(5);
  const std::string log_bytes = read_file(log());
  const std::string database = read_file(path()), mark = read_file(path() + "-mark");
  constexpr std::size_t kFrame = 4096 + 24;
  std::size_t frames = 0;
  for (std::size_t at = 32 + 100; at < log_bytes.size(); at += kFrame, ++frames) {
    std::string bytes = log_bytes;
    bytes[at] ^= 0x10;
    write_file(path(), database);
    write_file(path() + "-mark", mark);
    write_file(log(), bytes);
    fs::remove(path() + "-shm");
    told_.clear();
    const StoreSqlite store(settings_);
    EXPECT_NE(incarnation_, store.incarnation()) << "frame " << frames;
    expect_part("it ends, or has a bad frame, behind frame ", told_);
  }
  EXPECT_LT(10u, frames);
}

// The mark knows of less, as after a loss of power; two whole commits cannot both have been
// under way.
TEST_F(SqliteHistory, CommitsBehindABadFrameAreToldByThemselves) {
  std::string mark;
  die_after([&](StoreSqlite& store) {
    append(store, "j", 0, 1, 5000);
    write_file(directory() / "mark", read_file(path() + "-mark"));
    for (std::uint64_t head = 1; head < 9; ++head) append(store, "j", head, 1, 5000);
  });
  write_file(path() + "-mark", read_file(directory() / "mark"));
  std::string bytes = read_file(log());
  bytes[bytes.size() / 2] ^= 1;
  write_file(log(), bytes);
  expect_another("whole commits behind that");
}

TEST_F(SqliteHistory, OlderLogIsMovedAsideAndOverwritesNothing) {
  settings_.checkpoint = 10;
  die_with_log(3);
  const std::string old = read_file(log());
  die_after([](StoreSqlite& store) {
    for (std::uint64_t head = 3; head < 60; ++head) append(store, "j", head, 1, 5000);
  });
  write_file(log(), old);
  fs::remove(path() + "-shm");
  expect_another("it is not of the run that was left, but older or another one; it was moved to ");
  EXPECT_EQ(old, read_file(log() + ".aside"));
  EXPECT_LE(40u, head_of(*open(), "j")) << "older pages were written over newer ones";
}

// SQLite alone would take the frames before the bad one, and show old pages again.
TEST_F(SqliteHistory, LogThatEndsBeforeWhatIsInTheDatabaseOverwritesNothing) {
  settings_.checkpoint = 40;
  die_after([](StoreSqlite& store) {
    for (std::uint64_t head = 0; head < 5; ++head) append(store, "j", head, 1, 5000);
    append(store, "j", 5, 1, 200'000);  // and a checkpoint behind it
  });
  std::string bytes = read_file(log());
  ASSERT_LT(40u * 4096, bytes.size());
  bytes[bytes.size() - 5000] ^= 1;
  write_file(log(), bytes);
  expect_another("it was moved to ");
  EXPECT_EQ(6u, head_of(*open(), "j"));
  EXPECT_EQ(6u, open()->read("j", 1, 100, 1 << 20)->ends.size());
}

TEST_F(SqliteHistory, LogBesideACleanDatabaseIsMovedAside) {
  die_with_log(3);
  const std::string old = read_file(log());
  {
    StoreSqlite store(settings_);
    append(store, "j", 3, 4, 100);
  }
  write_file(log(), old);
  expect_another("it is there, although none was left");
  EXPECT_EQ(7u, head_of(*open(), "j"));
}

TEST_F(SqliteHistory, OlderDatabaseIsTold) {
  const std::string old = read_file(path());
  append(*open(), "j", 0, 1);
  write_file(path(), old);
  expect_another("is not the database that was left, but an older or another copy");
}

TEST_F(SqliteHistory, DatabaseWithoutItsMarkIsTold) {
  fs::remove(path() + "-mark");
  expect_another("domed.db-mark is missing or damaged");
  write_file(path() + "-mark", "something else, which is not shorter than a mark would be");
  expect_another("domed.db-mark is missing or damaged");
}

TEST_F(SqliteHistory, WhatWasFoundIsNotForgottenByADeathAtOnce) {
  die_with_log(3);
  write_file(log(), read_file(path()));  // no log at all
  fs::remove(log());
  die_after([](StoreSqlite&) {});
  const StoreSqlite store(settings_);
  EXPECT_NE(incarnation_, store.incarnation());
}

TEST_F(SqliteHistory, UnsyncedCommitsEndWithTheMachine) {
  settings_.full = false;
  settings_.boot = "first";
  { const StoreSqlite store(settings_); }
  settings_.boot = "second";
  expect_same();  // closed before
  die_with_log(3);
  expect_same();  // the same machine, still running
  die_with_log(0);
  settings_.boot = "third";
  expect_another("the machine ended while");
}

TEST_F(SqliteHistory, SyncedCommitsSurviveTheMachine) {
  settings_.boot = "first";
  die_with_log(3);
  settings_.boot = "second";
  expect_same();
}

TEST_F(SqliteHistory, OfAnotherPlaceIsAnother) {
  StoreSqlite::Settings other;
  other.path = (directory() / "other.db").string();
  EXPECT_NE(incarnation_, StoreSqlite(other).incarnation());
}

}  // namespace
}  // namespace store_tests
