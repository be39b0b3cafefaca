#include "follow/polls.h"

#include <gtest/gtest.h>

#include <cstring>
#include <future>

namespace domed {
namespace {

using namespace std::chrono_literals;

const auto kNo = [] { return false; };

Polls::Poll poll(const std::string& job, std::uint32_t pipe, Polls::Release release,
                 const std::string& who = "anyone", std::chrono::milliseconds wait = 1h) {
  return {job, pipe, who, wait, std::move(release)};
}
bool held(Polls& polls, Polls::Poll one) {
  return !polls.hold(std::move(one), kNo);
}

TEST(Polls, AreLetGoByTheirJobAlone) {
  int a = 0, b = 0;
  Polls polls({8, 8, 8});
  ASSERT_TRUE(held(polls, poll("a", 1, [&] { ++a; })));
  ASSERT_TRUE(held(polls, poll("b", 1, [&] { ++b; })));
  polls.wake("a");
  polls.wake("a");
  EXPECT_EQ(1, a);
  EXPECT_EQ(0, b);
}

TEST(Polls, AreLetGoWhenTheirTimeIsUp) {
  std::promise<void> released;
  Polls polls({8, 8, 8});
  ASSERT_TRUE(held(polls, poll(
                              "a", 1, [&] { released.set_value(); }, "anyone", 1ms)));
  released.get_future().get();
}

TEST(Polls, AreLetGoWhenTheirClientLeaves) {
  int released = 0;
  Polls polls({8, 8, 8});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(held(polls, poll("a", 7, [&] { ++released; })));
  polls.client_left(8);
  EXPECT_EQ(0, released);
  polls.client_left(7);
  EXPECT_EQ(3, released);
}

TEST(Polls, HaveABound) {
  Polls polls({2, 2, 2});
  EXPECT_TRUE(held(polls, poll("a", 1, [] {})));
  EXPECT_TRUE(held(polls, poll("a", 1, [] {})));
  EXPECT_FALSE(held(polls, poll("a", 1, [] {})));
  polls.wake("a");
  EXPECT_TRUE(held(polls, poll("a", 1, [] {})));
}

// How many more "pipe" of "who" may hold.
int taken(Polls& polls, std::uint32_t pipe, const std::string& who) {
  int count = 0;
  while (held(polls, poll(
                         "a", pipe, [] {}, who)))
    ++count;
  return count;
}

// One that takes what it can get leaves half of them, and of that no one more than a share.
TEST(Polls, OneConnectionCannotTakeThemAll) {
  Polls polls({16, 2, 16});
  EXPECT_EQ(8, taken(polls, 1, "x"));
  for (std::uint32_t pipe = 2; pipe <= 5; ++pipe) EXPECT_EQ(2, taken(polls, pipe, "x")) << pipe;
  EXPECT_EQ(0, taken(polls, 6, "x")) << "all are held";
  polls.client_left(1);
  EXPECT_TRUE(held(polls, poll("a", 6, [] {}))) << "there is room again";
}

// Nor can one identity, whose connections are as many as it likes.
TEST(Polls, OneIdentityCannotTakeThemAll) {
  Polls polls({32, 2, 4});
  int of_one = 0;
  for (std::uint32_t pipe = 1; pipe <= 17; ++pipe) of_one += taken(polls, pipe, "greedy");
  EXPECT_EQ(16, of_one);
  EXPECT_NE(nullptr, std::strstr(polls.hold(poll(
                                                "a", 18, [] {}, "greedy"),
                                            kNo),
                                 "one identity"));
  for (std::uint32_t pipe = 20; pipe < 23; ++pipe)
    EXPECT_EQ(2, taken(polls, pipe, "other " + std::to_string(pipe)));
  EXPECT_EQ(2, taken(polls, 30, "third"));
  EXPECT_EQ(2, taken(polls, 31, "third"));
  EXPECT_EQ(0, taken(polls, 32, "third")) << "it has its share";
  for (std::uint32_t pipe = 1; pipe <= 8; ++pipe) polls.client_left(pipe);
  EXPECT_TRUE(held(polls, poll(
                              "a", 18, [] {}, "greedy")))
      << "there is room again";
}

TEST(Polls, AreLetGoWhereTheyMayNotStay) {
  int released = 0, other = 0;
  Polls polls({8, 8, 8});
  bool may = true;
  Polls::Poll one = poll("a", 1, [&] { ++released; });
  one.may_stay = [&] { return may; };
  ASSERT_TRUE(held(polls, std::move(one)));
  ASSERT_TRUE(held(polls, poll("a", 2, [&] { ++other; })));
  polls.look_again();
  EXPECT_EQ(0, released);
  may = false;
  polls.look_again();
  polls.look_again();
  EXPECT_EQ(1, released);
  EXPECT_EQ(0, other);
}

TEST(Polls, DoNotMissAGrowthJustBeforeTheyWereHeld) {
  int released = 0;
  Polls polls({2, 2, 2});
  EXPECT_FALSE(polls.hold(poll("a", 1, [&] { ++released; }), [] { return true; }));
  EXPECT_EQ(1, released);
}

TEST(Polls, AreAllLetGoAtTheEnd) {
  int released = 0;
  {
    Polls polls({8, 8, 8});
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(held(polls, poll("a", 1, [&] { ++released; })));
  }
  EXPECT_EQ(5, released);
}

}  // namespace
}  // namespace domed
