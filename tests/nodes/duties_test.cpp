#include "nodes/duties.h"

#include <gtest/gtest.h>

namespace domed {
namespace {

using namespace std::chrono_literals;

DutyStep step(std::string_view holder, std::chrono::milliseconds unrenewed,
              Standing standing = Standing::fresh, bool is_draining = false) {
  return duty_step(holder, unrenewed, "us", standing, is_draining, {});
}

TEST(Duties, AreOneNodesAtATime) {
  EXPECT_EQ(DutyStep::acquire, step("", 0s));
  EXPECT_EQ(DutyStep::renew, step("us", 5s));
  EXPECT_EQ(DutyStep::leave, step("a", 5s));
  EXPECT_EQ(DutyStep::acquire, step("a", 15s)) << "and the engine says whether it is over";
}

TEST(Duties, AreGivenBackByWhomMayNotAct) {
  for (const Standing standing : {Standing::expiring, Standing::stopping, Standing::lost}) {
    EXPECT_EQ(DutyStep::release, step("us", 5s, standing));
    EXPECT_EQ(DutyStep::leave, step("", 0s, standing));
    EXPECT_EQ(DutyStep::leave, step("a", 1h, standing));
  }
  EXPECT_EQ(DutyStep::release, step("us", 5s, Standing::fresh, true));
  EXPECT_EQ(DutyStep::leave, step("", 0s, Standing::fresh, true));
}

TEST(QueueSlots, AreFreeWhenTheirJobIsOverOrGone) {
  EXPECT_EQ(SlotStep::free, slot_step({}, false));
  EXPECT_EQ(SlotStep::free, slot_step({true, true, false, false}, false));
}

TEST(QueueSlots, AreKeptByJobsThatRunOrWill) {
  for (const bool taker_is_over : {false, true}) {
    EXPECT_EQ(SlotStep::keep, slot_step({true, false, false, false}, taker_is_over)) << "it runs";
    EXPECT_EQ(SlotStep::keep, slot_step({true, false, true, true}, taker_is_over)) << "claimed";
  }
  EXPECT_EQ(SlotStep::keep, slot_step({true, false, true, false}, false)) << "about to be claimed";
}

TEST(QueueSlots, AreFreedInTwoStepsWhereTheClaimMayStillBeUnderWay) {
  EXPECT_EQ(SlotStep::fence_and_free, slot_step({true, false, true, false}, true));
}

}  // namespace
}  // namespace domed
