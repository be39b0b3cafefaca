#include "nodes/place_lease.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "nodes/held_store.h"
#include "store-memory/shared_memory.h"

// One daemon at a time on a store that several can open: here in memory, with clocks that the test
// turns.
namespace domed {
namespace {

using namespace std::chrono_literals;

class PlaceLeases : public ::testing::Test {
 protected:
  PlaceLeases() { place_->leases.stop_clock(); }

  // Time passes, for the store and for the daemons.
  void pass(std::chrono::milliseconds time) {
    place_->leases.turn(time);
    now_ += time;
  }
  PlaceLease daemon(const std::string& node, const std::string& epoch) {
    return {store_, {node, epoch, "place of " + node, "host of " + node}, {15s, [this] {
                                                                             return now_;
                                                                           }}};
  }
  static std::string refusal(PlaceLease& daemon) try {
    daemon.take();
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(Code::conflict, error.code());
    return error.what();
  }

  std::shared_ptr<MemoryPlace> place_ = MemoryPlace::named("");
  SharedMemory store_{place_};
  PlaceLease::Clock::time_point now_ = PlaceLease::Clock::now();
};

TEST_F(PlaceLeases, RefuseASecondDaemonByTheNameOfTheFirst) {
  PlaceLease first = daemon("n1", "e1"), second = daemon("n2", "e2");
  first.take();
  pass(3s);
  const std::string text = refusal(second);
  for (const char* part : {"n1", "host of n1", "3 s ago"})
    EXPECT_NE(std::string::npos, text.find(part)) << part << ": " << text;
  EXPECT_TRUE(first.renew());
}

TEST_F(PlaceLeases, LastAsLongAsTheyAreRenewed) {
  PlaceLease first = daemon("n1", "e1"), second = daemon("n2", "e2");
  first.take();
  for (int i = 0; i < 10; ++i) {
    pass(5s);
    EXPECT_TRUE(first.renew());
    EXPECT_NE("", refusal(second));
  }
}

TEST_F(PlaceLeases, GoToTheNextWhenTheFirstIsSilent) {
  PlaceLease first = daemon("n1", "e1"), second = daemon("n2", "e2");
  first.take();
  pass(15s);
  EXPECT_FALSE(first.may_commit());
  EXPECT_EQ("", refusal(second));
  EXPECT_TRUE(second.may_commit());
  EXPECT_FALSE(first.renew()) << "it slept, and the place is another's";
  EXPECT_FALSE(first.may_commit());
  EXPECT_TRUE(second.renew());
}

// Whoever came and went meanwhile has changed what we know.
TEST_F(PlaceLeases, AreLostToWhomIsGoneAgain) {
  PlaceLease first = daemon("n1", "e1");
  first.take();
  pass(20s);
  {
    PlaceLease second = daemon("n2", "e2");
    second.take();
  }
  EXPECT_FALSE(first.renew());
}

TEST_F(PlaceLeases, GoOnAfterAnOutageInWhichNobodyCame) {
  PlaceLease first = daemon("n1", "e1");
  first.take();
  pass(60s);
  EXPECT_FALSE(first.may_commit());
  EXPECT_TRUE(first.renew());
  EXPECT_TRUE(first.may_commit());
}

TEST_F(PlaceLeases, AreFreeAtOnceWhenTheyAreGivenBack) {
  PlaceLease second = daemon("n2", "e2");
  {
    PlaceLease first = daemon("n1", "e1");
    first.take();
  }
  EXPECT_EQ("", refusal(second));
}

// It died, and is started again with the same state_dir, whose lock it has.
TEST_F(PlaceLeases, DoNotKeepADaemonFromItsOwnPlace) {
  EXPECT_TRUE(store_.acquire("daemon", "e1", 15s,
                             R"({"node":"n1","place":"place of n1","name":"host of n1"})"));
  PlaceLease again = daemon("n1", "e2");
  EXPECT_EQ("", refusal(again));
}

// A state_dir that was copied has the same node, and is another place.
TEST_F(PlaceLeases, KeepACopyOfTheStateDirAway) {
  EXPECT_TRUE(store_.acquire("daemon", "e1", 15s,
                             R"({"node":"n1","place":"elsewhere","name":"host of n1"})"));
  PlaceLease copy = daemon("n1", "e2");
  EXPECT_NE("", refusal(copy));
}

TEST_F(PlaceLeases, WithWordsThatNobodyUnderstandsAreOthers) {
  for (const char* words : {"", "no json", "[]", "{\"node\":1}", "\"n1\""}) {
    EXPECT_TRUE(store_.acquire("daemon", "e1", 15s, words));
    PlaceLease second = daemon("n2", "e2");
    EXPECT_NE("", refusal(second)) << words;
  }
}

TEST_F(PlaceLeases, AreNotTakenWhereSeveralNodesAct) {
  EXPECT_TRUE(store_.acquire("node/n2", "e2", 15s, R"({"node":"n2","name":"two"})"));
  pass(100s);
  PlaceLease first = daemon("n1", "e1");
  EXPECT_NE(std::string::npos, refusal(first).find("the node two (n2)"));
  EXPECT_NO_THROW(must_be_shared(store_)) << "it has given it back";
  store_.release("node/n2", "e2");
  EXPECT_TRUE(store_.acquire("node/n1", "e0", 15s, R"({"node":"n1","name":"one"})"));
  EXPECT_EQ("", refusal(first)) << "its own, of before";
}

TEST_F(PlaceLeases, KeepNodesAwayWhileTheyLast) {
  PlaceLease first = daemon("n1", "e1");
  first.take();
  EXPECT_THROW(must_be_shared(store_), Error);
  pass(15s);
  EXPECT_NO_THROW(must_be_shared(store_));
  EXPECT_TRUE(store_.acquire("node/n2", "e2", 15s, R"({"node":"n2","name":"two"})"));
  EXPECT_FALSE(first.renew()) << "it comes back, and others act by now";
  EXPECT_FALSE(first.may_commit());
}

TEST_F(PlaceLeases, LetNothingBeCommittedWhenTheyAreOver) {
  PlaceLease first = daemon("n1", "e1");
  HeldStore held(store_, first);
  const auto commit = [&](const std::string& id) {
    const std::uint32_t end = 2;
    Entry entry;
    entry.job_id = id;
    entry.revision = std::string_view("0123456789abcdef");
    entry.events = "x\n";
    entry.ends = {&end, 1};
    return held.commit({&entry, 1}).at(0);
  };
  EXPECT_THROW(commit("j"), Error) << "before it was taken";
  first.take();
  EXPECT_EQ(Outcome::done, commit("j"));
  pass(15s);
  try {
    commit("k");
    ADD_FAILURE() << "committed without a lease";
  } catch (const Error& error) {
    EXPECT_EQ(Code::io, error.code()) << "the journal asks again";
  }
  EXPECT_TRUE(held.find("j"));
  EXPECT_FALSE(held.find("k"));
  EXPECT_TRUE(first.renew());
  EXPECT_EQ(Outcome::done, commit("k"));
}

// The thread that renews finds the place taken, and says so once.
TEST_F(PlaceLeases, SayWhenTheyAreLost) {
  PlaceLease first(store_, {"n1", "e1", "p", "h"}, {30ms, [this] { return now_; }});
  first.take();
  store_.release("daemon", "e1");
  EXPECT_TRUE(store_.acquire("daemon", "e2", 15s, ""));
  std::mutex mutex;
  std::condition_variable told;
  int lost = 0;
  first.keep([&] {
    const std::lock_guard lock(mutex);
    ++lost;
    told.notify_all();
  });
  {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(told.wait_for(lock, 60s, [&] { return lost > 0; }));
  }
  first.give_back();
  EXPECT_EQ(1, lost);
  EXPECT_EQ("e2", store_.held("daemon").at(0).holder) << "what is another's was released";
}

TEST(PlaceOf, NamesTheDirectory) {
  const auto here = std::filesystem::temp_directory_path();
  EXPECT_EQ(place_of(here), place_of(here / "."));
  EXPECT_TRUE(place_of(here).empty() || place_of(here) != place_of("/"));
  EXPECT_EQ("", place_of("/no such directory"));
}

}  // namespace
}  // namespace domed
