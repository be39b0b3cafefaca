// What the next round takes of all that waits.
#include "log/backlog.h"

#include <gtest/gtest.h>

#include <string>

namespace domed {
namespace {

class BacklogTest : public ::testing::Test {
 protected:
  using Things = Backlog<std::string>;
  static constexpr std::size_t kMuch = Things::kSmallRoundBytes / 2;

  void push(Sender from, std::size_t bytes, const std::string& name) {
    held_ += bytes;
    backlog_.push(from, bytes, name, held_, now_);
  }
  // As many of "from", each half of a small round, as are more than a large one.
  void flood(Sender from) {
    for (std::size_t bytes = 0; bytes <= Things::kRoundBytes; bytes += kMuch)
      push(from, kMuch, "f" + std::to_string(from.connection));
  }
  std::string take() {
    std::vector<std::string> round;
    backlog_.take(round, now_);
    std::string names;
    for (const std::string& name : round) names += (names.empty() ? "" : " ") + name;
    return names;
  }

  Things backlog_;
  std::size_t held_ = 0;
  Things::Clock::time_point now_{};
};

TEST_F(BacklogTest, TakesAllThatIsThereInTurn) {
  push({1, 7}, 10, "a");
  push({1, 7}, 10, "b");
  push({2, 8}, 10, "x");
  push({}, 10, "own");
  EXPECT_EQ(4u, backlog_.size());
  EXPECT_EQ("x a b own", take());
  EXPECT_TRUE(backlog_.empty());
}

TEST_F(BacklogTest, GivesWhoIsQuickEveryOtherRoundOfItsOwn) {
  flood({1, 7});
  flood({2, 7});
  push({3, 7}, 100, "quick");
  EXPECT_EQ("quick", take());
  push({3, 7}, 100, "quick");
  EXPECT_EQ("quick f1 f2", take()) << "those who say much are not kept out";
  push({3, 7}, 100, "quick");
  EXPECT_EQ("quick", take());
  EXPECT_EQ("f1 f2", take());
}

// Ten times as many as fill a round, again and again.
TEST_F(BacklogTest, ThoseWhoAreQuickLeaveRoomForOthers) {
  flood({1, 7});
  std::size_t others = 0;
  for (std::uint32_t round = 0; round < 10; ++round) {
    for (std::uint32_t i = 0; i < 10 * Things::kSmallRoundBytes / Things::kQuick; ++i)
      push({1000 * (round + 1) + i, 7}, Things::kQuick, "q");
    if (take().find("f1") != std::string::npos) ++others;
  }
  EXPECT_EQ(5u, others);
}

TEST_F(BacklogTest, MakesNoRoundsForWhoIsQuickWhereOneTakesAll) {
  push({1, 7}, kMuch, "f");
  push({3, 7}, 100, "quick");
  EXPECT_EQ("quick f", take());
}

TEST_F(BacklogTest, RoundsAreLargeAgainAfterAWhile) {
  flood({1, 7});
  push({3, 7}, 100, "quick");
  EXPECT_EQ("quick", take());
  EXPECT_EQ("f1 f1", take());
  now_ += Things::kSmallRounds;
  EXPECT_LT(Things::kRoundBytes / kMuch * 2, take().size());
}

// A batch that is not quick has small rounds all the same.
TEST_F(BacklogTest, RoundsAreSmallForWhoSaysSomethingNowAndThen) {
  flood({1, 7});
  push({3, 7}, Things::kLittle, "batch");
  EXPECT_EQ("f1 batch f1", take());
}

// Also where so many are quick that those behind them are left for another round.
TEST_F(BacklogTest, KeepsTheOrderOfAConnectionThatGoesOn) {
  constexpr std::size_t kSome = Things::kSmallRoundBytes / 4;
  for (std::size_t bytes = 0; bytes <= Things::kRoundBytes; bytes += kSome)
    push({1, 7}, kSome, "f");
  push({2, 7}, 100, "q");
  EXPECT_EQ("q", take());
  for (std::uint32_t i = 0; i < Things::kSmallRoundBytes / Things::kQuick; ++i)
    push({100 + i, 100 + i}, Things::kQuick, "q");
  push({3, 8}, 100, "1");
  push({3, 8}, 100, "2");  // it is not quick any more
  push({3, 8}, 100, "3");
  EXPECT_TRUE(backlog_.has({3, 8}));
  std::string all;
  while (!backlog_.empty()) all += take() + ' ';
  EXPECT_LT(all.find('1'), all.find('2'));
  EXPECT_LT(all.find('2'), all.find('3'));
}

TEST_F(BacklogTest, TakesTheKernelsOwnBehindAllThatWasThere) {
  flood({1, 7});
  push({3, 7}, 100, "word");
  push({}, 100, "end");
  push({3, 7}, 100, "late");  // "word" is not quick any more, and still before "end"
  push({4, 7}, 100, "quick");
  std::string all;
  while (!backlog_.empty()) all += take() + ' ';
  EXPECT_LT(all.find("word"), all.find("end"));
  EXPECT_LT(all.rfind("f1"), all.find("end"));
}

TEST_F(BacklogTest, TakesTheKernelsOwnAlsoWhereOthersFillEachRound) {
  for (int i = 0; i < 3; ++i) push({1, 7}, Things::kRoundBytes, "f");
  push({}, 100, "end");
  for (int i = 0; i < 3; ++i) push({1, 7}, Things::kRoundBytes, "g");
  for (int i = 0; i < 3; ++i) EXPECT_EQ("f", take());
  EXPECT_EQ("end g", take());
}

}  // namespace
}  // namespace domed
