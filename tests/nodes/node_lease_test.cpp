#include "nodes/node_lease.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "store-memory/shared_memory.h"

// `Takeover`: nodes that meet in the leases of one place in memory, with clocks that the test
// turns.
namespace domed {
namespace {

using namespace std::chrono_literals;

// The leases as one node reaches them, or does not.
class Reach final : public Leases {
 public:
  explicit Reach(Leases& leases) : leases_(leases) {}
  bool acquire(std::string_view name, std::string_view holder, std::chrono::milliseconds ttl,
               std::string_view text) override {
    if (before_acquire) std::exchange(before_acquire, {})();
    return reached().acquire(name, holder, ttl, text);
  }
  bool renew(std::string_view name, std::string_view holder, std::chrono::milliseconds ttl,
             std::string_view text) override {
    return reached().renew(name, holder, ttl, text);
  }
  void release(std::string_view name, std::string_view holder) override {
    reached().release(name, holder);
  }
  std::vector<Lease> held(std::string_view prefix) const override { return reached().held(prefix); }
  bool is_cut = false;
  std::function<void()> before_acquire;

 private:
  Leases& reached() const {
    if (is_cut) throw Error(Code::io, "the store does not answer");
    return leases_;
  }
  Leases& leases_;
};

struct Clocks {
  BootClock::time_point boot = BootClock::now();
  std::int64_t wall = 1'700'000'000'000'000;
};

// A daemon: what it says, and its lease.
struct Node {
  Node(Leases& leases, const Clocks& clocks, const ClusterTimes& times, const std::string& id,
       const std::string& epoch)
      : reach(leases),
        words{id, "name of " + id, "machine", "boot", "place of " + id, "0.1", {1, 2}, {}, {}, {},
              0},
        lease(reach, epoch,
              [this, &clocks] {
                words.time = clocks.wall + wrong.count();
                return words;
              },
              {times, [&clocks] { return clocks.boot; }}) {}
  bool beats() try { return lease.beat(); } catch (const Error&) {
    return true;
  }

  Reach reach;
  NodeWords words;
  std::chrono::microseconds wrong{0};  // its wall clock
  NodeLease lease;
};

class NodeLeases : public ::testing::Test {
 protected:
  NodeLeases() { place_->leases.stop_clock(); }

  std::unique_ptr<Node> node(const std::string& id, const std::string& epoch) {
    return std::make_unique<Node>(store_, clocks_, times_, id, epoch);
  }
  // One that says by which times it lives.
  std::unique_ptr<Node> timed(const std::string& id, const std::string& epoch) {
    auto out = node(id, epoch);
    out->words.ttl = 3s, out->words.lost_after = 20s;
    return out;
  }
  // Time passes, in which these nodes live.
  void pass(std::chrono::seconds time, const std::vector<Node*>& living) {
    for (auto i = 0s; i < time; ++i) {
      clocks_.boot += 1s;
      clocks_.wall += 1'000'000;
      place_->leases.turn(1s);
      for (Node* one : living) EXPECT_TRUE(one->beats());
    }
  }
  static std::string refusal(Node& node) try {
    node.lease.take();
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(Code::conflict, error.code());
    return error.what();
  }

  const ClusterTimes times_{3s, std::chrono::milliseconds(20s), 1s};
  std::shared_ptr<MemoryPlace> place_ = MemoryPlace::named("");
  SharedMemory store_{place_};
  Clocks clocks_;
};

TEST_F(NodeLeases, AreOfEachNodeItsOwn) {
  const auto a = node("a", "e1"), b = node("b", "e2");
  EXPECT_EQ(Standing::lost, a->lease.standing());
  EXPECT_FALSE(a->lease.take());
  EXPECT_FALSE(b->lease.take());
  pass(60s, {a.get(), b.get()});
  EXPECT_EQ(Standing::fresh, a->lease.standing());
  EXPECT_EQ(Standing::fresh, b->lease.standing());
  EXPECT_FALSE(a->lease.is_dead("b"));
}

TEST_F(NodeLeases, ShowAllNodesToEach) {
  const auto a = node("a", "e1"), b = node("b", "e2");
  a->lease.take();
  b->wrong = 2s;
  b->words.queues = {"gpu"};
  b->lease.take();
  pass(1s, {a.get(), b.get()});
  pass(1s, {a.get()});
  const auto nodes = a->lease.nodes();
  ASSERT_EQ(2U, nodes.size());
  EXPECT_EQ("name of a", nodes[0].words.name);
  EXPECT_EQ("name of b", nodes[1].words.name);
  EXPECT_EQ("e2", nodes[1].epoch);
  EXPECT_EQ(std::vector<std::string>{"gpu"}, nodes[1].words.queues);
  EXPECT_EQ(1s, nodes[1].unrenewed);
  EXPECT_EQ(-2s, nodes[1].skew);
  EXPECT_FALSE(nodes[1].is_dead);
}

TEST_F(NodeLeases, EndForTheirNodeBeforeTheyAreDeadForOthers) {
  const auto a = node("a", "e1"), b = node("b", "e2");
  a->lease.take();
  b->lease.take();
  pass(1s, {a.get(), b.get()});
  const auto told = a->lease.tell("j");
  a->reach.is_cut = true;
  for (auto i = 0s; i < 20s; ++i) {
    EXPECT_EQ(*told - i, *a->lease.tell("j"));
    EXPECT_FALSE(b->lease.is_dead("a")) << i.count() << " s";
    pass(1s, {a.get(), b.get()});
  }
  EXPECT_EQ(Standing::lost, a->lease.standing());
  pass(1s, {b.get()});
  EXPECT_TRUE(b->lease.is_dead("a"));
}

TEST_F(NodeLeases, StandAsOldAsTheyAre) {
  const auto a = node("a", "e1");
  a->lease.take();
  a->reach.is_cut = true;
  pass(3s, {a.get()});
  EXPECT_EQ(Standing::expiring, a->lease.standing());
  pass(11s, {a.get()});
  EXPECT_EQ(Standing::stopping, a->lease.standing());
  pass(6s, {a.get()});
  EXPECT_EQ(Standing::lost, a->lease.standing());
}

TEST_F(NodeLeases, GoOnAfterAnOutage) {
  const auto a = node("a", "e1"), b = node("b", "e2");
  a->lease.take();
  b->lease.take();
  a->reach.is_cut = b->reach.is_cut = true;
  pass(60s, {a.get(), b.get()});
  a->reach.is_cut = b->reach.is_cut = false;
  pass(1s, {b.get()});
  EXPECT_FALSE(b->lease.is_dead("a")) << "it could not renew either";
  pass(1s, {a.get(), b.get()});
  EXPECT_EQ(Standing::fresh, a->lease.standing());
}

TEST_F(NodeLeases, AreTakenAtOnceFromAnEarlierLife) {
  {
    const auto a = node("a", "e1");
    a->lease.take();
  }
  const auto again = node("a", "e2");
  EXPECT_EQ(Namesake::ourselves, again->lease.take());
  EXPECT_EQ(Standing::fresh, again->lease.standing());
  const auto rebooted = node("a", "e3");
  rebooted->words.boot = "next boot";
  EXPECT_EQ(Namesake::rebooted, rebooted->lease.take());
}

TEST_F(NodeLeases, AreNotTakenFromAnotherMachineUntilItIsDead) {
  const auto a = node("a", "e1"), copy = node("a", "e2");
  copy->words.machine = "another machine";
  a->lease.take();
  for (auto i = 0s; i < 20s; ++i) {
    EXPECT_EQ(Namesake::another, copy->lease.take()) << i.count() << " s, ttl is 3 s";
    EXPECT_EQ(Standing::lost, copy->lease.standing());
    pass(1s, {});
  }
  EXPECT_EQ(Namesake::rebooted, copy->lease.take()) << "nothing of its runs is left";
  EXPECT_FALSE(a->beats()) << "the other one has its name";
  EXPECT_EQ(Standing::lost, a->lease.standing());
  EXPECT_TRUE(copy->beats());
}

TEST_F(NodeLeases, AreNotTakenFromACopyThatLives) {
  const auto a = node("a", "e1"), copy = node("a", "e2");
  copy->words.place = "another directory";
  a->lease.take();
  for (int i = 0; i < 60; ++i) {
    pass(1s, {a.get()});
    EXPECT_EQ(Namesake::another, copy->lease.take());
  }
}

TEST_F(NodeLeases, RefuseAClockThatIsWrong) {
  const auto a = node("a", "e1"), b = node("b", "e2");
  a->lease.take();
  pass(1s, {a.get()});
  b->wrong = 7s;
  EXPECT_EQ(
      "the clock of this machine is 7.0s ahead of that of the node name of a (a): set them "
      "right, and start again",
      refusal(*b));
  b->wrong = -6s;
  EXPECT_NE(std::string::npos, refusal(*b).find("6.0s behind that of"));
  b->wrong = 5s;
  EXPECT_EQ("", refusal(*b));
}

TEST_F(NodeLeases, RefuseOtherLimitsOfQueues) {
  const auto a = node("a", "e1"), b = node("b", "e2");
  for (Node* one : {a.get(), b.get()}) one->words.ttl = 3s;
  a->words.limits = limits_text({{"gpu", 2}, {"io", 4}});
  a->lease.take();
  EXPECT_EQ(
      "the node name of a (a) holds to other limits of queues (gpu: 2, io: 4; this one: none): "
      "'jobs.queues' must say the same on all nodes",
      refusal(*b));
  b->words.limits = limits_text({{"gpu", 3}, {"io", 4}});
  EXPECT_NE("", refusal(*b));
  b->words.limits = a->words.limits;
  EXPECT_EQ("", refusal(*b));
}

// It was cut off while all others were started anew: what it tells its runs is not what they wait
// for.
TEST_F(NodeLeases, AreNotTakenAgainBesideNodesThatLiveByOtherTimes) {
  const auto a = timed("a", "e1"), b = timed("b", "e2");
  a->lease.take();
  a->reach.is_cut = true;
  pass(4s, {a.get()});
  b->words.lost_after = 10s;
  ASSERT_EQ("", refusal(*b)) << "a is not alive";
  a->reach.is_cut = false;
  EXPECT_FALSE(a->beats());
  EXPECT_EQ(Standing::lost, a->lease.standing());
  EXPECT_NE("", refusal(*a));
  a->words.lost_after = 10s;
  EXPECT_EQ("", refusal(*a));
  EXPECT_TRUE(a->beats());
}

// Both looked before either had its lease.
TEST_F(NodeLeases, AreNotThoseOfTwoThatStartAtOnceByOtherTimes) {
  const auto a = timed("a", "e1"), b = timed("b", "e2");
  b->words.lost_after = 10s;
  b->reach.before_acquire = [&] { a->lease.take(); };
  EXPECT_NE("", refusal(*b));
}

TEST_F(NodeLeases, AreNotThoseOfTwoThatComeBackAtOnceByOtherTimes) {
  const auto a = timed("a", "e1"), b = timed("b", "e2");
  a->lease.take();
  pass(4s, {});
  b->words.lost_after = 10s;
  a->reach.before_acquire = [&] { EXPECT_EQ("", refusal(*b)); };
  EXPECT_FALSE(a->beats());
  EXPECT_EQ(Standing::lost, a->lease.standing());
}

TEST_F(NodeLeases, AreTakenAgainBesideNodesOfTheSameTimes) {
  const auto a = timed("a", "e1"), b = timed("b", "e2");
  a->lease.take();
  a->reach.is_cut = true;
  pass(4s, {a.get()});
  b->lease.take();
  a->reach.is_cut = false;
  EXPECT_TRUE(a->beats());
  EXPECT_EQ(Standing::fresh, a->lease.standing());
}

// Those of its deployment do not hold; in a moment the other one will know, too.
TEST_F(NodeLeases, DoNotMindLimitsOfDeploymentsWhereSettingsSayThem) {
  const auto a = node("a", "e1"), b = node("b", "e2");
  for (Node* one : {a.get(), b.get()}) one->words.ttl = 3s;
  a->words.limits = limits_text({{"gpu", 2}});
  a->lease.take();
  EXPECT_NE("", refusal(*b));
  b->words.limits_of_all = true;
  EXPECT_EQ("", refusal(*b));
  const auto c = node("c", "e3");
  c->words.ttl = 3s;
  c->words.limits = limits_text({{"gpu", 2}});
  EXPECT_NE("", refusal(*c)) << "when they say no more the deployments' hold again";
}

TEST_F(NodeLeases, RefuseAReleaseThatNobodyHereReads) {
  const auto a = node("a", "e1"), b = node("b", "e2");
  a->lease.take();
  b->words.formats = {3, 4};
  EXPECT_NE(std::string::npos, refusal(*b).find("no format of records in common"));
  pass(3s, {});
  EXPECT_EQ("", refusal(*b)) << "it does not live any more";
}

TEST_F(NodeLeases, SayOnceThatTheyAreLost) {
  const ClusterTimes quick{30ms, std::chrono::milliseconds(20s), 1s};
  Node a(store_, clocks_, quick, "a", "e1");
  a.lease.take();
  store_.release("node/a", "e1");
  EXPECT_TRUE(store_.acquire("node/a", "e2", 15s, ""));
  std::mutex mutex;
  std::condition_variable told;
  int lost = 0;
  a.lease.keep([&] {
    const std::lock_guard lock(mutex);
    ++lost;
    told.notify_all();
  });
  {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(told.wait_for(lock, 60s, [&] { return lost > 0; }));
  }
  a.lease.stop();
  EXPECT_EQ(1, lost);
  EXPECT_EQ(Standing::lost, a.lease.standing());
}

}  // namespace
}  // namespace domed
