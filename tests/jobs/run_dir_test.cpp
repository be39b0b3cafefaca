#include "jobs/run_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "support/harness.h"

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
  dir.read_spool([&](const std::string& batch) {
    batches.push_back(batch);
    return true;
  });
  EXPECT_EQ((std::vector<std::string>{"one", "two"}), batches);
}

TEST(RunDir, ARunnerIsTrustedOnlyWithItsStartTimeAndBootId) {
  Scratch scratch;
  RunDir dir(scratch.path());
  const auto note = [&](std::uint64_t start_time, const std::string& boot) {
    std::ofstream(dir.path() / "runner.json")
        << Json{{"pid", getpid()}, {"start_time", start_time}, {"boot_id", boot}};
    return static_cast<bool>(dir.runner());
  };
  const auto began = identify(getpid()).start_time;
  EXPECT_FALSE(dir.runner());
  EXPECT_TRUE(note(began, boot_id()));
  EXPECT_FALSE(note(began + 1, boot_id())) << "another process has the pid now";
  EXPECT_FALSE(note(began, "another")) << "the machine was started again";
}

TEST(RunDir, ItsLockKeepsRunnersOut) {
  Scratch scratch;
  RunDir dir(scratch.path());
  const auto lock = dir.lock();
  EXPECT_TRUE(lock.has_value());
  EXPECT_FALSE(dir.lock().has_value());
  EXPECT_TRUE(RunDir(scratch.path() / "nothing").lock().has_value());
}

}  // namespace
}  // namespace domed::test
