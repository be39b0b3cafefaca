#include <thread>

#include "child.h"
#include "disturbance.h"
#include "shared_fixture.h"
#include "subject.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;

// Names that one holder at a time has.  What must not end has hours, and what must end is
// waited for by another lease, since the engine's clock is the only one that counts.
class StoreLeases : public SharedTest {
 protected:
  static constexpr auto kShort = 300ms;
  static constexpr auto kLong = std::chrono::hours(1);
  // Far above what any machine takes: it is no measurement.
  static constexpr auto kPatience = std::chrono::seconds(20);

  PatientLeases here() { return PatientLeases(store()); }
  PatientLeases there() { return PatientLeases(other()); }

  // Until "holder" gets "name", which another one has for a while.
  static void wait_until_taken(PatientLeases leases, const std::string& name,
                               const std::string& holder) {
    const auto end = SteadyClock::now() + kPatience;
    while (!leases.acquire(name, holder, kLong)) {
      ASSERT_LT(SteadyClock::now(), end) << "the time of '" << name << "' does not end";
      std::this_thread::sleep_for(2ms);
    }
  }

  // Until "time" has passed on the engine's clock.
  void wait_for(milliseconds time) {
    const std::string name = "clock " + std::to_string(++clocks_);
    EXPECT_TRUE(here().acquire(name, "first", time));
    wait_until_taken(here(), name, "second");
  }

  Lease only(const std::string& prefix) {
    const auto held = there().held(prefix);
    EXPECT_EQ(1u, held.size()) << prefix;
    return held.empty() ? Lease{} : held[0];
  }

 private:
  int clocks_ = 0;
};

TEST_F(StoreLeases, HaveOneHolder) {
  EXPECT_TRUE(here().acquire("n", "a", kLong));
  EXPECT_FALSE(there().acquire("n", "b", kLong));
  EXPECT_FALSE(here().acquire("n", "b", kLong));
  EXPECT_FALSE(there().renew("n", "b", kLong));
  EXPECT_TRUE(there().renew("n", "a", kLong)) << "the holder's other connection";
  EXPECT_EQ("a", only("n").holder);
}

TEST_F(StoreLeases, MayBeTakenTwiceByTheirHolder) {
  EXPECT_TRUE(here().acquire("n", "a", kLong, "first"));
  EXPECT_TRUE(here().acquire("n", "a", kLong, "second")) << "the first answer may be lost";
  EXPECT_EQ("second", only("n").text);
}

TEST_F(StoreLeases, GoToTheNextWhenTheyAreReleased) {
  EXPECT_TRUE(here().acquire("n", "a", kLong));
  here().release("n", "a");
  EXPECT_FALSE(here().renew("n", "a", kLong));
  EXPECT_TRUE(there().held("n").empty());
  EXPECT_TRUE(there().acquire("n", "b", kLong));
}

TEST_F(StoreLeases, AreReleasedByTheirHolderAlone) {
  EXPECT_TRUE(here().acquire("n", "a", kLong));
  there().release("n", "b");
  there().release("m", "b");
  EXPECT_EQ("a", only("n").holder);
  EXPECT_FALSE(there().acquire("n", "b", kLong));
}

TEST_F(StoreLeases, AreHeldForTheirTime) {
  const auto begin = SteadyClock::now();
  EXPECT_TRUE(here().acquire("n", "a", kShort));
  wait_until_taken(there(), "n", "b");
  EXPECT_GE(SteadyClock::now() - begin, kShort * 0.98) << "clocks may go a little apart";
  EXPECT_EQ("b", only("n").holder);
}

// Whoever sleeps over his time is told so, and does no harm.
TEST_F(StoreLeases, AreLostByAHolderThatSleeps) {
  EXPECT_TRUE(here().acquire("n", "a", kShort));
  wait_for(kShort);
  EXPECT_TRUE(there().acquire("n", "b", kLong));
  EXPECT_FALSE(here().renew("n", "a", kLong));
  EXPECT_FALSE(here().acquire("n", "a", kLong));
  here().release("n", "a");
  EXPECT_EQ("b", only("n").holder);
}

TEST_F(StoreLeases, AreNotRenewedBeyondTheirTime) {
  EXPECT_TRUE(here().acquire("n", "a", kShort));
  wait_for(kShort);
  EXPECT_FALSE(here().renew("n", "a", kLong)) << "another one may have had it meanwhile";
  EXPECT_TRUE(here().acquire("n", "a", kLong));
}

TEST_F(StoreLeases, AreKeptByRenewing) {
  EXPECT_TRUE(here().acquire("n", "a", kShort));
  // Where the machine slept over the first time, it is no renewal.
  EXPECT_TRUE(here().renew("n", "a", kLong) || here().acquire("n", "a", kLong));
  wait_for(kShort * 2);
  EXPECT_FALSE(there().acquire("n", "b", kLong));
  EXPECT_TRUE(here().renew("n", "a", kShort)) << "to a shorter time";
  wait_for(kShort);
  EXPECT_TRUE(there().acquire("n", "b", kLong));
}

TEST_F(StoreLeases, WithoutATimeLastUntilReleased) {
  EXPECT_TRUE(here().acquire("n", "a", 0ms));
  EXPECT_TRUE(here().acquire("m", "a", kShort));
  EXPECT_TRUE(here().renew("m", "a", 0ms) || here().acquire("m", "a", 0ms));
  wait_for(kShort * 2);
  EXPECT_FALSE(there().acquire("n", "b", kLong));
  EXPECT_FALSE(there().acquire("m", "b", kLong));
  EXPECT_TRUE(here().renew("n", "a", 0ms));
  here().release("n", "a");
  EXPECT_TRUE(there().acquire("n", "b", 0ms));
}

TEST_F(StoreLeases, TakeTimesOfAnyLength) {
  for (const int days : {30, 365, 3650})
    EXPECT_TRUE(here().acquire(std::to_string(days), "a", std::chrono::hours(24 * days)));
  EXPECT_TRUE(here().acquire("one", "a", 1ms));
  wait_for(2ms);
  EXPECT_TRUE(there().acquire("one", "b", kLong));
  for (const char* days : {"30", "365", "3650"}) EXPECT_FALSE(there().acquire(days, "b", kLong));
}

// No connection, object or process is what a lease hangs on.
TEST_F(StoreLeases, OutliveTheirObject) {
  EXPECT_TRUE(there().acquire("n", "a", kLong, "words"));
  close_other();
  EXPECT_FALSE(here().acquire("n", "b", kLong));
  open_other();
  EXPECT_EQ("words", only("n").text);
  EXPECT_FALSE(here().acquire("n", "b", kLong));
  EXPECT_TRUE(there().renew("n", "a", kLong));
}

TEST_F(StoreLeases, OutliveTheirProcess) {
  if (subject().durability == Durability::none) return;  // no other process has it open
  close_other();
  close();
  Child holder([&](const Child::Say& say) {
    const auto own = make_store(directory());
    say(PatientLeases(*own).acquire("n", "a", kLong) ? "held" : "refused");
    for (;;) std::this_thread::sleep_for(1s);
  });
  open();
  EXPECT_EQ("held", holder.hear().value_or("nothing"));
  holder.kill();
  EXPECT_FALSE(here().acquire("n", "b", kLong));
}

TEST_F(StoreLeases, RunOutWhileNobodyIsThere) {
  EXPECT_TRUE(there().acquire("n", "a", kShort));
  close_other();
  wait_for(kShort);
  EXPECT_TRUE(here().acquire("n", "b", kLong));
}

TEST_F(StoreLeases, AreShownUntilSomebodyTakesThem) {
  EXPECT_TRUE(here().acquire("n", "a", kShort, "words"));
  wait_for(kShort);
  const Lease over = only("n");
  EXPECT_EQ("a", over.holder);
  EXPECT_EQ("words", over.text);
  EXPECT_GE(over.age, kShort);
  here().release("n", "a");
  EXPECT_TRUE(there().held("n").empty());
}

TEST_F(StoreLeases, StandInTheOrderOfTheirNames) {
  const Lines names{"a", "a%", "a/1", "aB", "a_", "ab", std::string("a\0b", 3), "a\xff", "b", "A"};
  for (const std::string& name : names) EXPECT_TRUE(here().acquire(name, "h", kLong));
  Lines expected, shown;
  for (const std::string& name : sorted(names))
    if (name.starts_with("a")) expected.push_back(name);
  for (const Lease& lease : there().held("a")) shown.push_back(lease.name);
  EXPECT_EQ(expected, shown);
  for (const char* prefix : {"a_", "a%", "a\xff", "A", "ab"})
    EXPECT_EQ(prefix, only(prefix).name) << "prefixes are bytes";
  EXPECT_EQ(names.size(), there().held("").size());
}

TEST_F(StoreLeases, KeepEveryByte) {
  std::string text;
  while (text.size() < domed::kMaxLeaseText) text += static_cast<char>(text.size() * 7);
  const std::string holder("h\0\xff", 3);
  EXPECT_TRUE(here().acquire("n", holder, kLong, text));
  EXPECT_EQ(holder, only("n").holder);
  EXPECT_EQ(text, only("n").text);
  EXPECT_TRUE(here().renew("n", holder, kLong, ""));
  EXPECT_EQ("", only("n").text);
  expect_error(Code::invalid_argument, [&] { here().acquire("n", holder, kLong, text + 'x'); });
  expect_error(Code::invalid_argument, [&] { here().renew("n", holder, kLong, text + 'x'); });
}

// By which an observer knows that a holder lives.
TEST_F(StoreLeases, ShowEachRenewal) {
  EXPECT_TRUE(here().acquire("n", "a", kLong, "1"));
  std::uint64_t last = only("n").renewals;
  for (const char* text : {"2", "3", "4"}) {
    EXPECT_TRUE(here().renew("n", "a", kLong, text));
    EXPECT_LT(last, only("n").renewals);
    EXPECT_EQ(text, only("n").text);
    last = only("n").renewals;
  }
  EXPECT_TRUE(here().acquire("n", "a", kLong, "5"));
  EXPECT_LT(last, only("n").renewals);
}

TEST_F(StoreLeases, AreAsOldAsTheirLastRenewal) {
  EXPECT_TRUE(here().acquire("n", "a", kLong));
  wait_for(kShort);
  EXPECT_GE(only("n").age, kShort);
  const auto begin = SteadyClock::now();
  EXPECT_TRUE(here().renew("n", "a", kLong));
  const auto age = only("n").age;
  EXPECT_GE(age, 0ms);
  EXPECT_LE(age, (SteadyClock::now() - begin) * 1.02 + 1ms);
}

TEST_F(StoreLeases, GoToOneOfManyWhoTryAtOnce) {
  for (int round = 0; round < 30; ++round) {
    const std::string name = "race " + std::to_string(round);
    bool won = false;
    std::thread thread([&] { won = there().acquire(name, "b", kLong); });
    const bool mine = here().acquire(name, "a", kLong);
    thread.join();
    EXPECT_NE(mine, won) << name;
    EXPECT_EQ(mine ? "a" : "b", only(name).holder);
  }
}

TEST_F(StoreLeases, StayThroughWhatDisturbsTheEngine) {
  constexpr int kRounds = 60;
  Disturbance disturbance(kRounds / 4);
  EXPECT_TRUE(here().acquire("n", "a", 0ms, "0"));
  std::uint64_t last = only("n").renewals;
  for (int round = 1; round <= kRounds; ++round) {
    disturbance.step();
    EXPECT_FALSE(there().acquire("n", "b", 0ms));
    EXPECT_TRUE(here().renew("n", "a", 0ms, std::to_string(round)));
    const Lease lease = only("n");
    EXPECT_EQ(std::to_string(round), lease.text);
    EXPECT_LT(last, lease.renewals);
    last = lease.renewals;
  }
}

}  // namespace
}  // namespace conformance
