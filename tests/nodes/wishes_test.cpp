// What people want of a node: to drain, to be away for a while, to be forgotten.
#include "nodes/wishes.h"

#include <gtest/gtest.h>

#include "nodes/node_lease.h"
#include "store-memory/shared_memory.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

class Wishes : public ::testing::Test {
 protected:
  Wishes() { place_->leases.stop_clock(); }

  std::unique_ptr<NodeLease> node(const std::string& id, const std::string& epoch) {
    auto out = std::make_unique<NodeLease>(
        store_, epoch,
        [this, id] {
          NodeWords words;
          words.node = id, words.name = "name of " + id;
          words.machine = "machine", words.boot = "boot", words.place = "place of " + id;
          words.formats = {1, 2};
          words.time = wall_;
          return words;
        },
        NodeLease::Settings{times_, [this] { return boot_; }});
    EXPECT_NE(Namesake::another, out->take());
    return out;
  }
  // Time passes, in which these nodes live.
  void pass(std::chrono::seconds time, const std::vector<NodeLease*>& living) {
    for (auto i = 0s; i < time; ++i) {
      boot_ += 1s;
      wall_ += 1'000'000;
      place_->leases.turn(1s);
      for (NodeLease* one : living) EXPECT_TRUE(one->beat());
    }
  }
  static NodeLease::Seen seen(const NodeLease& by, const std::string& id) {
    for (const auto& one : by.nodes())
      if (one.words.node == id) return one;
    ADD_FAILURE() << id << " is not among the nodes";
    return {};
  }
  static bool is_forgotten(NodeLease& by, const std::string& id) {
    return by.forget(seen(by, id).words);
  }

  const ClusterTimes times_{3s, std::chrono::milliseconds(20s), 1s};
  std::shared_ptr<MemoryPlace> place_ = MemoryPlace::named("");
  SharedMemory store_{place_};
  BootClock::time_point boot_ = BootClock::now();
  std::int64_t wall_ = 1'700'000'000'000'000;
  std::unique_ptr<NodeLease> a = node("a", "e1"), b = node("b", "e2");
};

TEST_F(Wishes, ToDrainAreHeardAndSaid) {
  b->wish("a", {true, 0s, "cert:mary"});
  EXPECT_TRUE(seen(*b, "a").wish.drain);
  EXPECT_EQ("cert:mary", seen(*b, "a").wish.by);
  EXPECT_FALSE(seen(*b, "a").words.draining) << "it has not heard yet";
  pass(1s, {a.get(), b.get()});
  EXPECT_TRUE(a->is_draining());
  EXPECT_FALSE(b->is_draining());
  EXPECT_TRUE(seen(*b, "a").words.draining);
  b->take_wish_back("a");
  pass(2s, {a.get(), b.get()});
  EXPECT_FALSE(a->is_draining());
  EXPECT_FALSE(seen(*b, "a").words.draining);
}

TEST_F(Wishes, OutliveTheNode) {
  b->wish("a", {true, 0s, ""});
  a = node("a", "e3");
  EXPECT_TRUE(a->is_draining()) << "before it could claim anything";
}

TEST_F(Wishes, ToDrainTakeDutiesAway) {
  ASSERT_TRUE(a->has_duty("retention"));
  EXPECT_FALSE(b->has_duty("retention"));
  b->wish("a", {true, 0s, ""});
  pass(1s, {a.get()});
  EXPECT_TRUE(b->has_duty("retention"));
  EXPECT_FALSE(a->has_duty("retention"));
}

TEST_F(Wishes, AreReadFromAnyBytes) {
  for (const char* text : {"", "[]", "\xff", R"({"drain":1,"back_in":-5,"by":{}})"}) {
    store_.acquire("wish/a", "people", 0ms, text);
    EXPECT_TRUE(a->beat());
    EXPECT_FALSE(a->is_draining()) << text;
    EXPECT_EQ(0ms, a->back_in());
  }
}

// Longer: first the others know, then the runs are told.
TEST_F(Wishes, ToBeBackInTimeLengthenWhatOthersWait) {
  const auto before = a->stop_in();
  a->wish("a", {true, 60s, ""});
  EXPECT_EQ(before, a->stop_in()) << "the others do not know yet";
  pass(1s, {a.get(), b.get()});
  EXPECT_EQ(*before + 60s, a->stop_in());
  EXPECT_EQ(60s, seen(*b, "a").words.back_in);
  pass(79s, {b.get()});
  EXPECT_FALSE(b->is_dead("a"));
  pass(2s, {b.get()});
  EXPECT_TRUE(b->is_dead("a"));
}

// A run that was told may act by it until then, if it hears nothing else.
TEST_F(Wishes, ToBeBackInTimeAreTakenBackNoFasterThanTimePasses) {
  a->wish("a", {true, 60s, ""});
  pass(1s, {a.get(), b.get()});
  const auto told = boot_ + *a->stop_in();
  a->take_wish_back("a");
  for (int i = 0; i < 100; ++i) {
    pass(1s, {a.get(), b.get()});
    // If it died now, the others would give its runs up then; by what the times have ahead of that.
    const auto given_up = boot_ + *times_.lost_after + seen(*b, "a").words.back_in;
    ASSERT_LE(told + *times_.stop_before(), given_up + times_.ttl) << i;
  }
  EXPECT_EQ(0ms, a->back_in());
}

// Its runs live, and go by what the former life told them.
TEST_F(Wishes, ToBeBackInTimeOutliveARestart) {
  a->wish("a", {true, 60s, ""});
  pass(1s, {a.get(), b.get()});
  b->take_wish_back("a");
  pass(10s, {b.get()});
  a = node("a", "e3");
  EXPECT_EQ(50s, a->back_in());
  pass(5s, {a.get(), b.get()});
  EXPECT_EQ(45s, a->back_in());
}

TEST_F(Wishes, ToForgetAreRefusedOfOneThatLives) {
  EXPECT_FALSE(is_forgotten(*b, "a"));
  EXPECT_FALSE(is_forgotten(*b, "b")) << "nor oneself";
  pass(2s, {b.get()});
  EXPECT_FALSE(is_forgotten(*b, "a"));
  EXPECT_TRUE(a->beat());
}

TEST_F(Wishes, ToForgetMakeALeaseADeadOneForAll) {
  const auto c = node("c", "e4");
  pass(4s, {b.get(), c.get()});
  EXPECT_FALSE(b->is_dead("a"));
  ASSERT_TRUE(is_forgotten(*b, "a"));
  EXPECT_TRUE(b->is_dead("a"));
  EXPECT_TRUE(seen(*b, "a").is_dead);
  pass(1s, {b.get(), c.get()});
  EXPECT_TRUE(c->is_forgotten("a"));
  EXPECT_TRUE(c->is_dead("a"));
  EXPECT_FALSE(a->beat()) << "if it was only cut off it lets go of the store";
  b->let_go("a");
  pass(1s, {b.get(), c.get()});
  EXPECT_EQ(2u, b->nodes().size());
}

TEST_F(Wishes, ToForgetDoNotKeepItFromComingBack) {
  b->wish("a", {true, 0s, ""});
  pass(4s, {b.get()});
  ASSERT_TRUE(is_forgotten(*b, "a"));
  a = node("a", "e3");  // asserts that it has its lease
  EXPECT_FALSE(a->is_draining()) << "what was wished of it is over";
  pass(1s, {a.get(), b.get()});
  EXPECT_FALSE(b->is_dead("a"));
  EXPECT_FALSE(b->is_forgotten("a"));
}

}  // namespace
}  // namespace domed
