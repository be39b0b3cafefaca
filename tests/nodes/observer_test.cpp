#include "nodes/observer.h"

#include <gtest/gtest.h>

#include "nodes/node_words.h"

// `Takeover`: when a lease is dead and a run is lost, as one node sees it, with a clock that the
// test turns.
namespace domed {
namespace {

using namespace std::chrono_literals;

class Observers : public ::testing::Test {
 protected:
  // Looks every second, as the store answers, until "time" has passed.
  void look(std::chrono::seconds time) {
    for (auto i = 0s; i < time; ++i) {
      now_ += 1s;
      observer_.saw(now_, leases_);
    }
  }
  void renew(const std::string& node, const std::string& text = "") {
    for (Lease& lease : leases_)
      if (lease.name == "node/" + node) {
        ++lease.renewals;
        lease.text = text;
        return;
      }
    leases_.push_back({"node/" + node, "epoch of " + node, 1, 0ms, text});
  }
  bool is_dead(const std::string& node) const { return observer_.is_dead(node, times_); }
  bool is_lost(const std::string& job) const { return observer_.is_lost(job, times_); }

  const ClusterTimes times_{3s, std::chrono::milliseconds(20s), 1s};
  Observer observer_{"us", times_.ttl};
  Observer::Clock::time_point now_{};
  std::vector<Lease> leases_;
};

TEST_F(Observers, SeeALeaseDieWhenItWasTheSameForLostAfter) {
  renew("a");
  look(1s);
  look(19s);
  EXPECT_FALSE(is_dead("a"));
  look(1s);
  EXPECT_TRUE(is_dead("a"));
  EXPECT_FALSE(is_dead("never seen"));
}

TEST_F(Observers, CountAnewFromEachRenewal) {
  for (int i = 0; i < 5; ++i) {
    renew("a");
    look(19s);
    EXPECT_FALSE(is_dead("a"));
  }
}

// An epoch begins its renewals anew, perhaps at the number that the last one had.
TEST_F(Observers, CountAnewFromEachEpoch) {
  renew("a");
  look(19s);
  leases_[0].holder = "next epoch of a";
  look(19s);
  EXPECT_FALSE(is_dead("a"));
}

// Given back, or never seen: no more than silence.
TEST_F(Observers, TakeALeaseThatIsNotThereForASilentOne) {
  renew("a");
  look(1s);
  leases_.clear();
  look(19s);
  EXPECT_FALSE(is_dead("a"));
  look(1s);
  EXPECT_TRUE(is_dead("a"));
  observer_.saw_run("j", "b", "r1");
  EXPECT_FALSE(is_dead("b"));
  look(20s);
  EXPECT_TRUE(is_dead("b"));
}

TEST_F(Observers, DoNotCountAnOutageNorATtlAfterIt) {
  renew("a");
  look(10s);
  for (auto i = 0s; i < 60s; ++i) observer_.saw_nothing(now_ += 1s);
  look(1s);  // the first answer
  look(3s);  // a ttl
  EXPECT_EQ(9s, *observer_.unchanged("a")) << "1 s was the first look's own";
  look(10s);
  EXPECT_FALSE(is_dead("a"));
  look(1s);
  EXPECT_TRUE(is_dead("a"));
}

TEST_F(Observers, DoNotCountTimeInWhichTheyDidNotLook) {
  renew("a");
  look(10s);
  now_ += 1h;  // this machine slept, and perhaps that of the other with it
  look(4s);
  EXPECT_FALSE(is_dead("a"));
  EXPECT_EQ(9s, *observer_.unchanged("a"));
}

TEST_F(Observers, WaitLongerForANodeThatMeansToBeBack) {
  NodeWords words;
  words.back_in = 30s;
  renew("a", words.text());
  look(1s);
  look(49s);
  EXPECT_FALSE(is_dead("a"));
  look(1s);
  EXPECT_TRUE(is_dead("a"));
}

TEST_F(Observers, AreNotDeadThemselves) {
  renew("us");
  look(100s);
  EXPECT_FALSE(is_dead("us"));
}

TEST_F(Observers, NeverGiveUpWhereTheClusterSaysNever) {
  const ClusterTimes never{3s, std::nullopt, 1s};
  renew("a");
  observer_.saw_run("j", "a", "r1");
  look(100s);
  EXPECT_FALSE(observer_.is_dead("a", never));
  EXPECT_FALSE(observer_.is_lost("j", never));
}

TEST_F(Observers, FindARunLostWithTheLeaseItLivesBy) {
  renew("a");
  look(1s);
  observer_.saw_run("j", "a", "r1");
  look(19s);
  EXPECT_FALSE(is_lost("j"));
  look(1s);
  EXPECT_TRUE(is_lost("j"));
  observer_.forget_run("j");
  EXPECT_FALSE(is_lost("j"));
}

// The commit that names the dead node landed late; until then another one told the runner to go on.
TEST_F(Observers, CountARunFromWhenItsRecordNamesTheDeadNode) {
  renew("a");
  look(15s);
  observer_.saw_run("j", "a", "r2");
  look(10s);
  EXPECT_TRUE(is_dead("a"));
  EXPECT_FALSE(is_lost("j"));
  look(10s);
  EXPECT_TRUE(is_lost("j"));
}

// It named another one in between, and nobody looked.
TEST_F(Observers, CountARunFromWhenItsRecordChanged) {
  renew("a");
  observer_.saw_run("j", "a", "r1");
  look(15s);
  observer_.saw_run("j", "a", "r3");
  look(19s);
  EXPECT_TRUE(is_dead("a"));
  EXPECT_FALSE(is_lost("j"));
  observer_.saw_run("j", "a", "r3");
  look(1s);
  EXPECT_TRUE(is_lost("j"));
}

// It was told to go on for longer, whatever our text says by now.
TEST_F(Observers, WaitLongerForARunOfTheirOwnThatTheyToldOfTheirAbsence) {
  renew("us", R"({"back_in":30000})");
  look(1s);
  observer_.saw_run("j", "us", "r1");
  renew("us");
  look(49s);
  EXPECT_FALSE(is_lost("j"));
  look(1s);
  EXPECT_TRUE(is_lost("j"));
}

TEST_F(Observers, FindARunOfTheirOwnLostThatTheyHaveNotHeard) {
  renew("us");
  look(1s);
  observer_.saw_run("j", "us", "r1");
  look(19s);
  observer_.heard("j");
  look(19s);
  EXPECT_FALSE(is_lost("j"));
  look(1s);
  EXPECT_TRUE(is_lost("j"));
}

}  // namespace
}  // namespace domed
