#include "store-memory/shared_memory.h"

#include "scratch.h"

namespace store_tests {
namespace {

using domed::MemoryPlace;
using domed::SharedMemory;
using namespace std::chrono_literals;

TEST(MemoryPlaces, LastAsLongAsSomebodyHoldsThem) {
  auto place = MemoryPlace::named("here");
  EXPECT_EQ(place, MemoryPlace::named("here"));
  EXPECT_NE(place, MemoryPlace::named("there"));
  const std::string incarnation = place->jobs.incarnation();
  place.reset();
  EXPECT_NE(incarnation, MemoryPlace::named("here")->jobs.incarnation());
}

TEST(MemoryPlaces, WithoutANameAreNobodyElses) {
  EXPECT_NE(MemoryPlace::named(""), MemoryPlace::named(""));
}

// With its clock stopped a test says when a lease is over.
TEST(MemoryLeases, GoByAClockThatTurns) {
  const auto place = MemoryPlace::named("");
  place->leases.stop_clock();
  EXPECT_TRUE(place->leases.acquire("n", "a", 15s, ""));
  place->leases.turn(14'999ms);
  EXPECT_FALSE(place->leases.acquire("n", "b", 15s, ""));
  EXPECT_TRUE(place->leases.renew("n", "a", 15s, ""));
  place->leases.turn(15s);
  EXPECT_FALSE(place->leases.renew("n", "a", 15s, ""));
  EXPECT_EQ(15s, place->leases.held("n").at(0).age);
  EXPECT_TRUE(place->leases.acquire("n", "b", 15s, ""));
  EXPECT_EQ(0s, place->leases.held("n").at(0).age);
}

// However much is told, the list is as long as there are jobs, and no cursor is too old.
TEST(MemoryChanges, KeepTheLastOfEachJob) {
  domed::ChangeList list("place");
  bool interrupted = false;
  const std::string before = list.wait("", 0ms, interrupted).cursor;
  for (int i = 0; i < 10'000; ++i)
    list.add({"j" + std::to_string(i % 3), std::to_string(i), 1, ""});
  const domed::Changes told = list.wait(before, 0ms, interrupted);
  ASSERT_EQ(3u, told.changes.size());
  EXPECT_FALSE(told.gap);
  EXPECT_EQ("9997", told.changes.front().revision);
  EXPECT_EQ("9999", told.changes.back().revision);
}

TEST(MemoryChanges, ComeInPagesThatGoOn) {
  domed::ChangeList list("place");
  bool interrupted = false;
  std::string cursor = list.wait("", 0ms, interrupted).cursor;
  for (int i = 0; i < 2500; ++i) list.add({"j" + std::to_string(i), "r", 1, ""});
  std::size_t told = 0;
  for (int page = 0; page < 3; ++page) {
    const domed::Changes changes = list.wait(cursor, 0ms, interrupted);
    told += changes.changes.size();
    cursor = changes.cursor;
  }
  EXPECT_EQ(2500u, told);
}

TEST(MemoryChanges, ThatCouldNotBeToldAreAGap) {
  domed::ChangeList list("place");
  bool interrupted = false;
  const std::string cursor = list.wait("", 0ms, interrupted).cursor;
  list.lose();
  const domed::Changes told = list.wait(cursor, 0ms, interrupted);
  EXPECT_TRUE(told.gap);
  EXPECT_FALSE(list.wait(told.cursor, 0ms, interrupted).gap);
}

}  // namespace
}  // namespace store_tests
