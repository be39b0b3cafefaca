#include "nodes/times_kept.h"

#include <gtest/gtest.h>

#include "nodes/node_words.h"

// `Takeover`: by which times a node that starts has to live.
namespace domed {
namespace {

using namespace std::chrono_literals;
using Span = ClusterTimes::Span;

class TimesAreKept : public ::testing::Test {
 protected:
  static constexpr Span kNever{0};

  // A node that holds to "lost_after", and was heard so long ago.
  void node(const std::string& id, Span age, Span lost_after, Span back_in = 0s) {
    NodeWords words;
    words.node = words.name = id;
    words.ttl = 3s, words.lost_after = lost_after, words.back_in = back_in;
    leases_.push_back({"node/" + id, "epoch of " + id, 1, age, words.text()});
  }
  // Of "us", which would live by "lost_after".
  std::optional<TimesKept> kept(std::optional<Span> lost_after) {
    return times_kept(leases_, "node/us", {3s, lost_after, 1s}, [this] { return is_assigned_; });
  }

  std::vector<Lease> leases_;
  bool is_assigned_ = true;
};

TEST_F(TimesAreKept, NoneWhereNobodyWas) {
  EXPECT_FALSE(kept(20s));
}

TEST_F(TimesAreKept, ThoseOfWhoLives) {
  for (const Span theirs : {Span(60s), Span(15s)}) {
    leases_.clear();
    node("a", 2s, theirs);
    ASSERT_TRUE(kept(20s));
    EXPECT_TRUE(kept(20s)->lives);
    EXPECT_EQ("a", kept(20s)->name);
    EXPECT_EQ(theirs, kept(20s)->lost_after);
    is_assigned_ = !is_assigned_;  // whatever runs
    EXPECT_TRUE(kept(20s));
    EXPECT_FALSE(kept(theirs));
  }
}

TEST_F(TimesAreKept, LongerOnesUntilTheirPromisesAreOver) {
  node("a", 10s, 60s);
  ASSERT_TRUE(kept(20s));
  EXPECT_FALSE(kept(20s)->lives);
  EXPECT_EQ(Span(60s), kept(20s)->lost_after);
  EXPECT_EQ(Span(50s), kept(20s)->left);
  leases_[0].age = 59999ms;
  EXPECT_TRUE(kept(20s));
  leases_[0].age = 60s;
  EXPECT_FALSE(kept(20s));
}

TEST_F(TimesAreKept, NoneWhereNothingRuns) {
  node("a", 10s, 60s);
  node("us", 4s, 60s);
  is_assigned_ = false;
  EXPECT_FALSE(kept(20s));
}

// Then a run ends sooner than it is called lost.
TEST_F(TimesAreKept, NoShorterOnes) {
  node("a", 4s, 20s);
  EXPECT_FALSE(kept(60s));
  EXPECT_FALSE(kept(20s));
  EXPECT_FALSE(kept(std::nullopt));
}

// Our own runs were told, too, and another node may have to judge them.
TEST_F(TimesAreKept, ThoseOfOurFormerLife) {
  node("us", 0s, 60s);
  ASSERT_TRUE(kept(20s));
  EXPECT_FALSE(kept(20s)->lives);
  EXPECT_EQ(Span(60s), kept(20s)->left);
}

TEST_F(TimesAreKept, NeverForEver) {
  node("a", 1000h, kNever);
  ASSERT_TRUE(kept(20s));
  EXPECT_FALSE(kept(20s)->lost_after);
  EXPECT_FALSE(kept(20s)->left);
  is_assigned_ = false;
  EXPECT_FALSE(kept(20s));
}

// By the longest absence that a node of these times has told its runs of.
TEST_F(TimesAreKept, ForAsLongAsANodeMeansToBeAway) {
  node("away", 100s, 60s, 1h);
  node("a", 70s, 60s);
  ASSERT_TRUE(kept(20s));
  EXPECT_EQ(Span(1h + 60s - 100s), kept(20s)->left);
}

// Who lived by the shorter ones had begun when nothing was promised by the longer.
TEST_F(TimesAreKept, NoneOfBeforeTheLastOnes) {
  node("gone", 1000h, kNever);
  node("older", 30s, 60s);
  node("a", 10s, 20s);
  EXPECT_FALSE(kept(20s));
  EXPECT_FALSE(kept(25s));
  EXPECT_EQ(Span(10s), kept(15s)->left);
}

TEST_F(TimesAreKept, NotByWhoDoesNotSayThem) {
  leases_.push_back({"node/old", "epoch", 1, 0ms, "{}"});
  leases_.push_back({"node/strange", "epoch", 1, 0ms, "no words"});
  EXPECT_FALSE(kept(20s));
}

}  // namespace
}  // namespace domed
