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

}  // namespace
}  // namespace domed
