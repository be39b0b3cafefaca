#include "jobs/recovery.h"

#include <fstream>

#include "jobs_fixture.h"

namespace domed::test {
namespace {

JobHead queued() {
  return {};
}

TEST(Takeover, AQueuedJobLinesUpUnlessItMayRun) {
  EXPECT_EQ(Takeover::line_up, takeover_of(queued(), [] { return false; }));
  EXPECT_EQ(Takeover::settle, takeover_of(queued(), [] { return true; }));
}

TEST(Takeover, ARunningJobIsSettledWhoeverIsThere) {
  JobHead head = queued();
  head.state = State::running;
  EXPECT_EQ(Takeover::settle, takeover_of(head, [] { return false; }));
}

TEST(Takeover, NoProcessIsLookedForWhereNoRunnerWas) {
  const auto asked = [] { return ADD_FAILURE() << "asked", true; };
  JobHead import = queued(), failed = queued(), external = queued();
  import.importing = true, import.external = true;
  failed.state = State::failed, failed.retry_at = 1;
  external.external = true;
  EXPECT_EQ(Takeover::drop, takeover_of(import, asked));
  EXPECT_EQ(Takeover::retry, takeover_of(failed, asked));
  EXPECT_EQ(Takeover::leave, takeover_of(external, asked));
}

class RecoveryTest : public JobsTest {
 protected:
  std::optional<Unfinished> taken(const std::string& id) {
    return take_over(context, Runners(config.runner), id);
  }
};

TEST_F(RecoveryTest, TheDirectoryOfARunThatNeverBeganIsRemoved) {
  submit(journal, "job");
  run_dir("job").create("job");
  EXPECT_EQ(Takeover::line_up, taken("job")->what);
  EXPECT_FALSE(run_dir("job").exists());
}

TEST_F(RecoveryTest, ThatOfOneThatBeganIsKeptToBeSettled) {
  submit(journal, "job");
  run_dir("job").create("job");
  std::ofstream(run_dir("job").path() / "child.json") << "{}";
  EXPECT_EQ(Takeover::settle, taken("job")->what);
  EXPECT_TRUE(run_dir("job").exists());
}

TEST_F(RecoveryTest, AJobThatIsGoneIsNothing) {
  EXPECT_FALSE(taken("unknown"));
}

}  // namespace
}  // namespace domed::test
