#include "run/boot_mark.h"

#include <gtest/gtest.h>

#include "harness.h"

namespace domed::test {
namespace {

TEST(BootMark, TellsADeadMachineFromADeadDaemon) {
  Scratch dir;
  EXPECT_FALSE(BootMark(dir.path(), "boot-1").machine_went_down());
  BootMark(dir.path(), "boot-1").set();
  EXPECT_FALSE(BootMark(dir.path(), "boot-1").machine_went_down());
  EXPECT_TRUE(BootMark(dir.path(), "boot-2").machine_went_down());
}

TEST(BootMark, IsGoneAfterAnEndInOrder) {
  Scratch dir;
  BootMark mark(dir.path(), "boot-1");
  mark.set();
  mark.clear();
  EXPECT_FALSE(BootMark(dir.path(), "boot-2").machine_went_down());
}

TEST(BootMark, ThisBootHasAName) { EXPECT_EQ(36u, present_boot_id().size()); }

}  // namespace
}  // namespace domed::test
