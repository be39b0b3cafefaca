#include "follow/polls.h"

#include <gtest/gtest.h>

#include <future>

namespace domed {
namespace {

using namespace std::chrono_literals;

const auto kNo = [] { return false; };

TEST(Polls, AreLetGoByTheirJobAlone) {
  int a = 0, b = 0;
  Polls polls(8);
  ASSERT_TRUE(polls.hold(
      "a", 1, 1h, [&] { ++a; }, kNo));
  ASSERT_TRUE(polls.hold(
      "b", 1, 1h, [&] { ++b; }, kNo));
  polls.wake("a");
  polls.wake("a");
  EXPECT_EQ(1, a);
  EXPECT_EQ(0, b);
}

TEST(Polls, AreLetGoWhenTheirTimeIsUp) {
  std::promise<void> released;
  Polls polls(8);
  ASSERT_TRUE(polls.hold(
      "a", 1, 1ms, [&] { released.set_value(); }, kNo));
  released.get_future().get();
}

TEST(Polls, AreLetGoWhenTheirClientLeaves) {
  int released = 0;
  Polls polls(8);
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(polls.hold(
        "a", 7, 1h, [&] { ++released; }, kNo));
  polls.client_left(8);
  EXPECT_EQ(0, released);
  polls.client_left(7);
  EXPECT_EQ(3, released);
}

TEST(Polls, HaveABound) {
  Polls polls(2);
  EXPECT_TRUE(polls.hold(
      "a", 1, 1h, [] {}, kNo));
  EXPECT_TRUE(polls.hold(
      "a", 1, 1h, [] {}, kNo));
  EXPECT_FALSE(polls.hold(
      "a", 1, 1h, [] {}, kNo));
  polls.wake("a");
  EXPECT_TRUE(polls.hold(
      "a", 1, 1h, [] {}, kNo));
}

TEST(Polls, DoNotMissAGrowthJustBeforeTheyWereHeld) {
  int released = 0;
  Polls polls(2);
  EXPECT_TRUE(polls.hold(
      "a", 1, 1h, [&] { ++released; }, [] { return true; }));
  EXPECT_EQ(1, released);
}

TEST(Polls, AreAllLetGoAtTheEnd) {
  int released = 0;
  {
    Polls polls(8);
    for (int i = 0; i < 5; ++i)
      ASSERT_TRUE(polls.hold(
          "a", 1, 1h, [&] { ++released; }, kNo));
  }
  EXPECT_EQ(5, released);
}

}  // namespace
}  // namespace domed
