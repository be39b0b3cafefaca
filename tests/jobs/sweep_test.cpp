#include "jobs/sweep.h"

#include "jobs_fixture.h"

namespace domed::test {
namespace {

class SweepTest : public JobsTest {
 protected:
  void sweep(const std::map<std::string, std::string>& runs = {}) {
    EXPECT_TRUE(domed::sweep(context, Runners(config.runner), runs).empty());
  }
};

TEST_F(SweepTest, TheRunOfAFinishedJobIsRemoved) {
  submit(journal, "job");
  finish("job", State::canceled);
  run_dir("job").create("job");
  sweep();
  EXPECT_FALSE(run_dir("job").exists());
}

TEST_F(SweepTest, ARunThatIsNeededIsKeptWhateverItSaysOfItself) {
  run_dir("job").create("another");
  sweep({{"run-job", "job"}});
  EXPECT_TRUE(run_dir("job").exists());
}

TEST_F(SweepTest, TheRunOfAnUnfinishedJobIsKept) {
  submit(journal, "job");
  run_dir("job").create("job");
  sweep();
  EXPECT_TRUE(run_dir("job").exists());
}

TEST_F(SweepTest, AnotherRunOfAnUnfinishedJobIsRemoved) {
  submit(journal, "job");
  run_dir("old").create("job");
  sweep();
  EXPECT_FALSE(run_dir("old").exists());
}

TEST_F(SweepTest, AStoreThatForgetsKeepsTheScratchOfNeededRunsOnly) {
  run_dir("needed").create("needed");
  for (const char* job : {"needed", "forgotten"})
    std::filesystem::create_directories(scratch_dir(config.run, job));
  sweep({{"run-needed", "needed"}});
  EXPECT_TRUE(std::filesystem::exists(scratch_dir(config.run, "needed")));
  EXPECT_FALSE(std::filesystem::exists(scratch_dir(config.run, "forgotten")));
}

}  // namespace
}  // namespace domed::test
