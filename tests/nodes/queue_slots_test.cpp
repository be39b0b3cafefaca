#include "nodes/queue_slots.h"

#include <gtest/gtest.h>

#include "domed/support/hash.h"
#include "store-memory/lease_table.h"
#include "store-memory/shared_memory.h"

namespace domed::test {
namespace {

std::vector<QueueSlot> held(const std::vector<std::size_t>& indices) {
  std::vector<QueueSlot> out;
  for (const std::size_t index : indices) out.emplace_back().index = index;
  return out;
}

// No two who look at once get more than are free, also where slots are above a limit that was
// higher: only the first free one is taken.
TEST(QueueSlots, AreTakenFromTheFirst) {
  EXPECT_EQ(0u, free_slot({}, 1));
  EXPECT_EQ(1u, free_slot(held({0, 2}), 3));
  EXPECT_EQ(0u, free_slot(held({1, 3}), 3));
  EXPECT_EQ(std::nullopt, free_slot(held({0, 1}), 2));
  EXPECT_EQ(std::nullopt, free_slot(held({5, 7, 9}), 2)) << "a lowered limit";
  EXPECT_EQ(std::nullopt, free_slot({}, 0));
}

TEST(QueueSlots, AreFreeWhenTheirJobIsOverOrGone) {
  EXPECT_EQ(SlotStep::free, slot_step({}, false));
  EXPECT_EQ(SlotStep::free, slot_step({true, true, false, false, false}, false));
}

TEST(QueueSlots, AreKeptByJobsThatRunOrWill) {
  for (const bool taker_is_over : {false, true}) {
    EXPECT_EQ(SlotStep::keep, slot_step({true, false, false, false, false}, taker_is_over))
        << "runs";
    EXPECT_EQ(SlotStep::keep, slot_step({true, false, true, true, false}, taker_is_over))
        << "claimed";
  }
  EXPECT_EQ(SlotStep::keep, slot_step({true, false, true, false, true}, false)) << "to be claimed";
}

TEST(QueueSlots, AreFreedInTwoStepsWhereTheClaimMayStillBeUnderWay) {
  EXPECT_EQ(SlotStep::fence_and_free, slot_step({true, false, true, false, true}, true));
}

TEST(QueueSlots, AreFreeWhereNoClaimCanCome) {
  EXPECT_EQ(SlotStep::free, slot_step({true, false, true, false, false}, false));
}

class SlotsOfNodes : public ::testing::Test {
 protected:
  std::shared_ptr<MemoryPlace> place_ = MemoryPlace::named("");
  SharedMemory leases_{place_};
  QueueSlots a{leases_, "a", "epoch of a"}, b{leases_, "b", "epoch of b"};
};

TEST_F(SlotsOfNodes, AreSeenByAll) {
  ASSERT_TRUE(a.take("gpu", 0, "j", "revision"));
  EXPECT_FALSE(b.take("gpu", 0, "k", "revision"));
  const auto seen = b.held("gpu");
  ASSERT_EQ(1u, seen.size());
  EXPECT_EQ("j", seen[0].job_id);
  EXPECT_EQ(to_hex("revision"), seen[0].revision);
  EXPECT_EQ("epoch of a", seen[0].epoch);
  EXPECT_EQ(0u, seen[0].index);
}

TEST_F(SlotsOfNodes, AreTakenOnByWhoClaimsTheSame) {
  a.take("gpu", 0, "j", "revision");
  const QueueSlot slot = b.held("gpu").at(0);
  ASSERT_TRUE(b.take_on(slot));
  EXPECT_EQ("epoch of b", a.held("gpu").at(0).epoch);
  a.free(slot);
  EXPECT_FALSE(b.take_on(slot));
}

// However late it lands.
TEST_F(SlotsOfNodes, AreNotFreedByWhatWasMeantForAnEarlierClaim) {
  a.take("gpu", 0, "j", "first");
  const QueueSlot first = a.held("gpu").at(0);
  a.free(first);
  b.take("gpu", 0, "j", "second");
  a.free(first);
  EXPECT_EQ(to_hex("second"), a.held("gpu").at(0).revision);
}

TEST_F(SlotsOfNodes, AreOfOneQueueWhateverItsName) {
  a.take("a", 0, "j", "r");
  a.take("a/0", 1, "k", "r");
  ASSERT_EQ(1u, a.held("a").size());
  EXPECT_EQ("j", a.held("a")[0].job_id);
  ASSERT_EQ(1u, a.held("a/0").size());
  EXPECT_EQ(2u, a.held().size());
}

// What somebody else wrote there is no slot, or one of a job that is not there.
TEST_F(SlotsOfNodes, AreReadFromAnyBytes) {
  using namespace std::chrono_literals;
  for (const char* name : {"queue/", "queue/x", "queue/x/", "queue/x/-1", "queue/x/1x",
                           "queue/x/99999999999999999999999"})
    leases_.acquire(name, "h", 0ms, "");
  leases_.acquire("queue/x/1", "\xff", 0ms, "[]");
  ASSERT_EQ(1u, a.held().size());
  EXPECT_EQ("\xff", a.held()[0].job_id);
  EXPECT_EQ("", a.held()[0].revision);
}

}  // namespace
}  // namespace domed::test
