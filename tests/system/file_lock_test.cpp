#include "system/file_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "domed/error.h"

namespace domed {
namespace {

class FileLockTest : public testing::Test {
 protected:
  FileLockTest() {
    std::string name = testing::TempDir() + "domed-lock-XXXXXX";
    if (mkdtemp(name.data())) directory = name;
  }
  ~FileLockTest() override { std::filesystem::remove_all(directory); }
  std::filesystem::path directory;
};

// As a daemon that is killed while it starts a job: a copy of it holds the lock for a moment.
TEST_F(FileLockTest, WaitsForACopyOfAProcessThatIsGone) {
  const std::string path = directory / "lock";
  int copy[2], taken[2];
  ASSERT_EQ(0, pipe(copy));
  ASSERT_EQ(0, pipe(taken));
  const pid_t holder = fork();
  if (holder == 0) {
    const FileLock lock(path, "it is served");
    if (fork() == 0) {
      close(copy[1]);
      char byte;
      static_cast<void>(!write(taken[1], "x", 1));
      static_cast<void>(!read(copy[0], &byte, 1));  // until we are told
    }
    _exit(0);
  }
  char byte;
  ASSERT_EQ(1, read(taken[0], &byte, 1));
  ASSERT_EQ(holder, waitpid(holder, nullptr, 0));
  std::thread teller([&] {
    std::this_thread::yield();
    close(copy[1]);
  });
  EXPECT_NO_THROW(FileLock(path, "it is served"));
  teller.join();
}

TEST_F(FileLockTest, IsNotTakenFromOneThatLives) {
  const std::string path = directory / "lock";
  const FileLock lock(path, "it is served");
  EXPECT_THROW(FileLock(path, "it is served"), Error);
}

}  // namespace
}  // namespace domed
