#include "run/run_dir.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "common/hash.h"
#include "harness.h"

namespace domed::test {
namespace {

TEST(RunDir, KeepsItsSpecificationToTheOwner) {
  Scratch scratch;
  RunDir dir(scratch.path() / "runs" / "r");
  dir.create({{"secret", "x"}});
  struct stat info {};
  ASSERT_EQ(0, stat((dir.path() / "spec.json").c_str(), &info));
  EXPECT_EQ(0600u, info.st_mode & 0777);
  ASSERT_EQ(0, stat(dir.path().c_str(), &info));
  EXPECT_EQ(0700u, info.st_mode & 0777);
}

TEST(RunDir, ATornLastLineOfTheSpoolIsIgnored) {
  Scratch scratch;
  RunDir dir(scratch.path());
  std::ofstream(dir.path() / "spool") << "one\ntwo\nthr";
  std::vector<std::string> batches;
  dir.read_spool([&](const std::string& batch) { batches.push_back(batch); });
  EXPECT_EQ((std::vector<std::string>{"one", "two"}), batches);
}

TEST(RunDir, APidIsTrustedOnlyWithTheLockAndItsStartTime) {
  Scratch scratch;
  RunDir dir(scratch.path());
  EXPECT_FALSE(dir.living_runner());
  const int lock = open((dir.path() / "lock").c_str(), O_RDWR | O_CREAT, 0600);
  std::ofstream(dir.path() / "runner.json") << Json{{"pid", getpid()}, {"start_time", "1"}};
  EXPECT_FALSE(dir.living_runner());
  ASSERT_EQ(0, flock(lock, LOCK_EX));
  EXPECT_FALSE(dir.living_runner()) << "another process has the pid now";
  close(lock);
}

TEST(RunDir, LeftoversAreKilledByTheirRunIdAlone) {
  const std::string run_id = random_hex(16), other_id = random_hex(16);
  const auto start = [](const std::string& id) {
    std::string variable = "DOMED_RUN_ID=" + id;
    char* env[] = {variable.data(), nullptr};
    char* argv[] = {const_cast<char*>("sleep"), const_cast<char*>("1000"), nullptr};
    pid_t pid = -1;
    EXPECT_EQ(0, posix_spawn(&pid, "/bin/sleep", nullptr, nullptr, argv, env));
    return pid;
  };
  const pid_t ours = start(run_id), theirs = start(other_id);
  EXPECT_EQ(1u, kill_leftovers(run_id));
  int status = 0;
  EXPECT_EQ(ours, waitpid(ours, &status, 0));
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(0, waitpid(theirs, &status, WNOHANG));
  kill(theirs, SIGKILL);
  waitpid(theirs, &status, 0);
}

}  // namespace
}  // namespace domed::test
