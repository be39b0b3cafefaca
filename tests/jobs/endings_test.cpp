#include "jobs/endings.h"

#include <gtest/gtest.h>

namespace domed::test {
namespace {

using namespace std::chrono_literals;
const Endings::Clock::time_point cancel_time{};

TEST(Endings, AProducerGetsItsGraceFromTheFirstCancel) {
  Endings endings(5s);
  EXPECT_TRUE(endings.canceled("job", cancel_time));
  EXPECT_FALSE(endings.canceled("job", cancel_time + 4s))
      << "a second cancel gives no second grace";
  EXPECT_TRUE(endings.due(cancel_time + 4s).empty());
  EXPECT_EQ(cancel_time + 5s, endings.next());
  EXPECT_EQ(State::canceled, endings.due(cancel_time + 5s).at("job").to);
}

TEST(Endings, AJobWhoseNeedFailedEndsAtOnce) {
  Endings endings(5s);
  endings.need_failed("job", "other", cancel_time);
  const auto due = endings.due(cancel_time);
  EXPECT_EQ(State::failed, due.at("job").to);
  EXPECT_EQ("dependency", due.at("job").reason);
  EXPECT_EQ("job other, which has to succeed first, did not", due.at("job").message);
}

TEST(Endings, OfASilentJobThatIsCanceledTheCancelIsTold) {
  Endings endings(5s);
  endings.expect("job", 5s, true, cancel_time);
  endings.canceled("job", cancel_time);
  EXPECT_EQ("cancel", endings.due(cancel_time + 5s).at("job").reason);
  EXPECT_EQ(1u, endings.due(cancel_time + 5s).size());
}

TEST(Endings, WhoWasHeardSinceIsNotDue) {
  Endings endings(5s);
  endings.expect("job", 5s, true, cancel_time);
  EXPECT_TRUE(endings.is_due("job", cancel_time + 5s));
  endings.heard("job", cancel_time + 5s);
  EXPECT_FALSE(endings.is_due("job", cancel_time + 5s));
  endings.heard("another", cancel_time);
  EXPECT_FALSE(endings.is_due("another", cancel_time + 1h)) << "it is not expected";
}

// A node that stood still was told nothing of what its producer said to others meanwhile.
TEST(Endings, WhoWasHeardByAnotherNodeIsNotDue) {
  Endings endings(5s);
  endings.expect("job", 8s, true, cancel_time, 2s, "first");
  ASSERT_EQ(1u, endings.due(cancel_time + 60s).count("job"));
  EXPECT_FALSE(endings.is_due("job", cancel_time + 60s, "second"));
  EXPECT_FALSE(endings.is_due("job", cancel_time + 69s, "second")) << "it is expected anew";
  EXPECT_TRUE(endings.is_due("job", cancel_time + 70s, "second"));
}

// As long as the store was away nobody could say anything.
TEST(Endings, WhoCouldNotBeHeardIsExpectedAnew) {
  Endings endings(5s);
  endings.expect("job", 8s, true, cancel_time);
  ASSERT_TRUE(endings.is_due("job", cancel_time + 8s));
  endings.refused("job", cancel_time + 9s);
  ASSERT_EQ(1u, endings.due(cancel_time + 60s).count("job")) << "the store is asked again";
  EXPECT_FALSE(endings.is_due("job", cancel_time + 60s)) << "it answers";
  EXPECT_FALSE(endings.is_due("job", cancel_time + 67s));
  EXPECT_TRUE(endings.is_due("job", cancel_time + 68s));
}

TEST(Endings, OneThatTheStoreRefusedIsDueAgain) {
  Endings endings(0s);
  endings.canceled("job", cancel_time);
  endings.postpone("job", cancel_time + 1s);
  EXPECT_TRUE(endings.due(cancel_time).empty());
  EXPECT_EQ(1u, endings.due(cancel_time + 1s).size());
}

TEST(Endings, AJobThatIsOverIsNotEnded) {
  Endings endings(0s);
  endings.canceled("job", cancel_time);
  endings.ended("job");
  endings.postpone("job", cancel_time);
  EXPECT_TRUE(endings.due(cancel_time + 1h).empty());
  EXPECT_EQ(Endings::Clock::time_point::max(), endings.next());
}

}  // namespace
}  // namespace domed::test
