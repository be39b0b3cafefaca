#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "scratch.h"

namespace store_tests {
namespace {

using domed::Code;

// A limit on the size of files stands for a full disk; it is set in a child, so
// that the other tests keep theirs.  SQLite calls it an I/O error where a disk
// that is really full would be "exhausted" (sqlite_test.cpp); all else is alike.
class SqliteFullDisk : public SqliteTest {
 protected:
  using Scene = bool (*)(domed::Store& store);

  // Runs "scene" on the store in a child that can write "bytes" per file.
  void play(Scene scene) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(child_status(scene));
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(0, WEXITSTATUS(status)) << "see the line above";
    EXPECT_TRUE(WIFEXITED(status));
  }

  int child_status(Scene scene) {
    ::signal(SIGXFSZ, SIG_IGN);
    try {
      const auto store = open();
      return scene(*store) ? 0 : 1;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "unexpected: %s\n", error.what());
      return 2;
    }
  }

  static void limit_files(rlim_t bytes) {
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }

  // Appends until the disk is full; false: the error was of another kind.
  static bool fill(domed::Store& store, std::uint64_t& head) {
    try {
      for (; head < 100'000; head += 100) append(store, "j", head, 100, 1000);
    } catch (const domed::Error& error) {
      if (error.code() == Code::exhausted || error.code() == Code::io) return true;
      std::fprintf(stderr, "another error: %s\n", error.what());
    }
    return false;
  }
};

TEST_F(SqliteFullDisk, RefusesWithNothingHalfApplied) {
  play([](domed::Store& store) {
    std::uint64_t head = 0;
    limit_files(2 << 20);
    return fill(store, head) && head > 0 && head_of(store, "j") == head &&
           store.read("j", 1, 1'000'000, 1 << 30)->ends.size() == head;
  });
}

TEST_F(SqliteFullDisk, GoesOnWhenThereIsRoom) {
  play([](domed::Store& store) {
    std::uint64_t head = 0;
    limit_files(2 << 20);
    if (!fill(store, head)) return false;
    limit_files(RLIM_INFINITY);
    return append(store, "j", head, 5) == domed::Outcome::done && head_of(store, "j") == head + 5;
  });
  EXPECT_LT(5u, head_of(*open(), "j"));
}

TEST_F(SqliteFullDisk, WhatWasAcknowledgedIsThereAfterwards) {
  play([](domed::Store& store) {
    std::uint64_t head = 0;
    limit_files(1 << 20);
    return fill(store, head) && append(store, "small", 0, 1) == domed::Outcome::done;
  });
  const auto store = open();
  const std::uint64_t head = head_of(*store, "j");
  EXPECT_LT(0u, head);
  EXPECT_EQ(0u, head % 100) << "half a batch is there";
  EXPECT_EQ(head, store->read("j", 1, 1'000'000, 1 << 30)->ends.size());
}

}  // namespace
}  // namespace store_tests
