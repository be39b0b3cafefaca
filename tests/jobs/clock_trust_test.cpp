#include "jobs/clock_trust.h"

#include <gtest/gtest.h>

namespace domed::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

// A wall clock and the BootClock, which a test moves.
class ClockTrustTest : public ::testing::Test {
 protected:
  void pass(microseconds time) { now += time, wall += time.count(); }
  void step(microseconds by) { wall += by.count(); }
  bool believes() { return trust.ahead(wall, now, newest).count() == 0; }

  ClockTrust trust;
  std::int64_t wall = 1'700'000'000'000'000;
  BootClock::time_point now{1h};
  std::optional<std::int64_t> newest = wall;
};

TEST_F(ClockTrustTest, AClockThatGoesOnIsBelieved) {
  for (int look = 0; look < 300; ++look, pass(10min)) EXPECT_TRUE(believes()) << look;
}

TEST_F(ClockTrustTest, AClockThatIsCorrectedALittleIsBelieved) {
  for (int look = 0; look < 300; ++look, pass(10min), step(10s)) EXPECT_TRUE(believes()) << look;
}

TEST_F(ClockTrustTest, AClockThatJumpedAheadIsBelievedADayLater) {
  EXPECT_TRUE(believes());
  pass(10min), step(30 * 24h);
  EXPECT_EQ(microseconds(30 * 24h), trust.ahead(wall, now));
  pass(23h);
  EXPECT_FALSE(believes());
  pass(1h);
  EXPECT_TRUE(believes());
}

TEST_F(ClockTrustTest, ASecondJumpBeginsANewDay) {
  believes();
  step(30 * 24h);
  EXPECT_FALSE(believes());
  pass(20h), step(30 * 24h);
  EXPECT_FALSE(believes());
  pass(20h);
  EXPECT_FALSE(believes());
  pass(4h);
  EXPECT_TRUE(believes());
}

TEST_F(ClockTrustTest, AClockThatIsPutRightIsBelievedAtOnce) {
  believes();
  step(30 * 24h);
  EXPECT_FALSE(believes());
  pass(1h), step(-30 * 24h);
  EXPECT_TRUE(believes());
}

TEST_F(ClockTrustTest, AClockThatWasSetBackAndIsPutRightIsBelieved) {
  believes();
  step(-30 * 24h);
  EXPECT_TRUE(believes()) << "what is younger than it was stays";
  pass(1h), step(30 * 24h);
  EXPECT_TRUE(believes());
}

TEST_F(ClockTrustTest, TheFirstLookComparesWithTheStore) {
  step(59min);
  EXPECT_TRUE(believes());
  ClockTrust later;
  step(3min);
  EXPECT_EQ(microseconds(2min), later.ahead(wall, now, newest)) << "an hour is no wonder";
}

TEST_F(ClockTrustTest, AnEmptyStoreIsNoReasonForDoubt) {
  newest.reset();
  EXPECT_TRUE(believes());
}

TEST_F(ClockTrustTest, AMachineWithoutABatteryIsPutRightAfterItsStart) {
  step(microseconds(-wall) + 10s);  // a little after 1970
  EXPECT_TRUE(believes());
  pass(10s), step(microseconds(*newest - wall) + 20min);
  EXPECT_TRUE(believes());
}

TEST_F(ClockTrustTest, ATimeBefore1970IsATimeLikeAnother) {
  wall = -86'400'000'000;
  newest = wall - 1;
  EXPECT_TRUE(believes());
  step(30 * 24h);
  EXPECT_FALSE(believes());
}

}  // namespace
}  // namespace domed::test
