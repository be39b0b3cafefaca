// One runner whose node may die: it ends its command before others take it for lost.
#include "job.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

class DeadlineTest : public JobTest {
 protected:
  DeadlineTest() {
    spec_["fenced"] = true;
    daemon_.stop_in(1h);
  }
};

TEST_F(DeadlineTest, GoesOnWhileItHasTime) {
  run("read x < fifo; echo $x");
  tell_job("go\n");
  finish();
  EXPECT_EQ("go\n", daemon_.output("stdout"));
  EXPECT_EQ("succeeded", last()["to"]);
}

TEST_F(DeadlineTest, ExecutesNothingThatCameTooLate) {
  daemon_.stop_in(0ms);
  run("touch ran");
  finish();
  EXPECT_FALSE(ran("ran"));
  EXPECT_EQ("failed", last()["to"]);
  EXPECT_EQ("lost", last()["reason"]);
}

TEST_F(DeadlineTest, EndsItsCommandWhenTheLatestAnswerSaysSo) {
  run("echo ready; exec sleep 1000");
  daemon_.wait_for("ready");
  daemon_.stop_in(-1ms);
  finish();
  EXPECT_EQ("lost", last()["reason"]);
}

// Its next poll is held for longer than that.
TEST_F(DeadlineTest, EndsItsCommandWhenNobodyAnswersInTime) {
  run("echo ready; exec sleep 1000");
  daemon_.wait_for("ready");
  daemon_.stop_in(300ms);
  finish();
  EXPECT_EQ("lost", last()["reason"]);
}

// The fence: the job was given to another node.
TEST_F(DeadlineTest, EndsItsCommandWhenItsTokenIsNobodys) {
  ::testing::internal::CaptureStderr();
  run("echo ready; exec sleep 1000");
  daemon_.wait_for("ready");
  daemon_.refuse("E_UNAUTHORIZED");
  EXPECT_EQ(1, wait_for_exit());
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(std::string::npos, said.find("E_UNAUTHORIZED")) << said;
}

// A daemon that is alone on its store says nothing of it.
TEST_F(DeadlineTest, HasTimeForEverWhereNobodyIsToTakeIt) {
  spec_["fenced"] = false;
  daemon_.stop_in(0ms);
  run("touch ran");
  finish();
  EXPECT_TRUE(ran("ran"));
}

}  // namespace
}  // namespace domed
