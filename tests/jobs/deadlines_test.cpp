#include "jobs/deadlines.h"

#include <gtest/gtest.h>

namespace domed {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::string>;

Deadlines::Clock::time_point in(std::chrono::milliseconds time) {
  return Deadlines::Clock::now() + time;
}

TEST(Deadlines, AreNoneForAJobThatIsNotToEnd) {
  Deadlines deadlines(10s);
  deadlines.begin("job", 0s);
  EXPECT_FALSE(deadlines.running("job"));
  EXPECT_FALSE(deadlines.canceled("another"));
  EXPECT_EQ(Deadlines::Clock::time_point::max(), deadlines.next());
}

TEST(Deadlines, GiveTheRunnerItsPatienceFirst) {
  Deadlines deadlines(10s);
  deadlines.begin("job", 60s);
  EXPECT_TRUE(deadlines.running("job"));
  EXPECT_FALSE(deadlines.running("job")) << "the first word counts";
  EXPECT_EQ(Ids{}, deadlines.take_due(in(59s)));
  EXPECT_EQ(Ids{}, deadlines.take_due(in(61s)));
  EXPECT_EQ(Ids{}, deadlines.take_due(in(70s)));
  EXPECT_EQ(Ids{"job"}, deadlines.take_due(in(72s)));
  EXPECT_EQ("timeout", deadlines.verdict("job")->reason);
  EXPECT_EQ(State::failed, deadlines.verdict("job")->to);
}

// Its runner was told how long it has.
TEST(Deadlines, ARunKeepsThePatienceThatItBeganWith) {
  Deadlines deadlines(60s);
  deadlines.begin("before", 0s);
  deadlines.give(1s);
  deadlines.begin("after", 0s);
  deadlines.canceled("before"), deadlines.canceled("after");
  EXPECT_EQ(Ids{"after"}, deadlines.take_due(in(30s)));
}

TEST(Deadlines, GiveItAgainAfterARestart) {
  Deadlines deadlines(10s);
  deadlines.begin("job", 60s);
  deadlines.running("job", std::chrono::hours(5));
  EXPECT_EQ(Ids{}, deadlines.take_due(in(0s)));
  EXPECT_EQ(Ids{}, deadlines.take_due(in(9s)));
  EXPECT_EQ(Ids{"job"}, deadlines.take_due(in(11s)));
}

// Daemon and runner wake up together, an hour after a timeout that passed in their sleep.
TEST(Deadlines, GiveItWhereTheMachineSleptOverTheTimeout) {
  Deadlines deadlines(10s);
  deadlines.begin("job", 60s);
  deadlines.running("job");
  EXPECT_EQ(Ids{}, deadlines.take_due(in(3600s)));
  EXPECT_EQ(Ids{}, deadlines.take_due(in(3609s)));
  EXPECT_EQ(Ids{"job"}, deadlines.take_due(in(3611s)));
}

TEST(Deadlines, OfATimeoutStandStillWithTheJob) {
  Deadlines deadlines(10s);
  deadlines.begin("job", 60s);
  deadlines.running("job");
  EXPECT_FALSE(deadlines.paused("job", true));
  EXPECT_FALSE(deadlines.running("job")) << "as each commit says";
  EXPECT_EQ(Ids{}, deadlines.take_due(in(3600s)));
  EXPECT_EQ(Deadlines::Clock::time_point::max(), deadlines.next());
  EXPECT_TRUE(deadlines.paused("job", false));
  EXPECT_EQ(Ids{}, deadlines.take_due(in(50s)));
  EXPECT_EQ(Ids{}, deadlines.take_due(in(61s)));
  EXPECT_EQ(Ids{"job"}, deadlines.take_due(in(72s)));
  EXPECT_EQ("timeout", deadlines.verdict("job")->reason);
}

TEST(Deadlines, OfAJobThatIsFoundPausedBeginWhenItGoesOn) {
  Deadlines deadlines(10s);
  deadlines.begin("job", 60s);
  deadlines.paused("job", true);
  EXPECT_FALSE(deadlines.running("job"));
  EXPECT_EQ(Ids{}, deadlines.take_due(in(3600s)));
  EXPECT_TRUE(deadlines.paused("job", false));
  EXPECT_EQ(Ids{}, deadlines.take_due(in(61s)));
  EXPECT_EQ(Ids{"job"}, deadlines.take_due(in(72s)));
}

TEST(Deadlines, OfACancelDoNotStandStill) {
  Deadlines deadlines(10s);
  deadlines.begin("job", 0s);
  deadlines.paused("job", true);
  EXPECT_TRUE(deadlines.canceled("job"));
  EXPECT_EQ(Ids{"job"}, deadlines.take_due(in(11s)));
}

TEST(Deadlines, TheOneThatCameFirstIsTheReason) {
  Deadlines deadlines(10s);
  deadlines.begin("job", 60s);
  deadlines.running("job");
  EXPECT_TRUE(deadlines.canceled("job"));
  EXPECT_EQ(Ids{"job"}, deadlines.take_due(in(100s)));
  EXPECT_EQ("cancel", deadlines.verdict("job")->reason);
  EXPECT_EQ(Ids{}, deadlines.take_due(in(101s)));
  EXPECT_EQ(Ids{"job"}, deadlines.take_due(in(111s))) << "it is not gone yet";
  EXPECT_EQ("cancel", deadlines.verdict("job")->reason);
}

TEST(Deadlines, AJobThatIsOverHasNoVerdict) {
  Deadlines deadlines(10s);
  deadlines.begin("job", 0s);
  deadlines.sealed("job");
  EXPECT_EQ(Ids{"job"}, deadlines.take_due(in(11s)));
  EXPECT_FALSE(deadlines.verdict("job"));
  deadlines.end("job");
  EXPECT_EQ(Ids{}, deadlines.take_due(in(100s)));
}

}  // namespace
}  // namespace domed
