#include "follow/polls.h"

#include <gtest/gtest.h>

#include <future>

namespace domed {
namespace {

using namespace std::chrono_literals;

const auto kNo = [] { return false; };

TEST(Polls, AreLetGoByTheirJobAlone) {
  int a = 0, b = 0;
  Polls polls({8, 8});
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
  Polls polls({8, 8});
  ASSERT_TRUE(polls.hold(
      "a", 1, 1ms, [&] { released.set_value(); }, kNo));
  released.get_future().get();
}

TEST(Polls, AreLetGoWhenTheirClientLeaves) {
  int released = 0;
  Polls polls({8, 8});
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(polls.hold(
        "a", 7, 1h, [&] { ++released; }, kNo));
  polls.client_left(8);
  EXPECT_EQ(0, released);
  polls.client_left(7);
  EXPECT_EQ(3, released);
}

TEST(Polls, HaveABound) {
  Polls polls({2, 2});
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

// One that takes what it can get leaves half of them, and of that no one more than a share.
TEST(Polls, OneConnectionCannotTakeThemAll) {
  Polls polls({16, 2});
  const auto hold = [&](std::uint32_t pipe) {
    return polls.hold(
        "a", pipe, 1h, [] {}, kNo);
  };
  const auto take = [&](std::uint32_t pipe) {
    int held = 0;
    while (hold(pipe)) ++held;
    return held;
  };
  EXPECT_EQ(8, take(1));
  for (std::uint32_t pipe = 2; pipe <= 5; ++pipe) EXPECT_EQ(2, take(pipe)) << pipe;
  EXPECT_EQ(0, take(6)) << "all are held";
  polls.client_left(1);
  EXPECT_TRUE(hold(6)) << "there is room again";
}

TEST(Polls, DoNotMissAGrowthJustBeforeTheyWereHeld) {
  int released = 0;
  Polls polls({2, 2});
  EXPECT_TRUE(polls.hold(
      "a", 1, 1h, [&] { ++released; }, [] { return true; }));
  EXPECT_EQ(1, released);
}

TEST(Polls, AreAllLetGoAtTheEnd) {
  int released = 0;
  {
    Polls polls({8, 8});
    for (int i = 0; i < 5; ++i)
      ASSERT_TRUE(polls.hold(
          "a", 1, 1h, [&] { ++released; }, kNo));
  }
  EXPECT_EQ(5, released);
}

}  // namespace
}  // namespace domed
