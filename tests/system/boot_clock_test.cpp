#include "system/boot_clock.h"

#include <gtest/gtest.h>
#include <poll.h>

namespace domed::test {
namespace {

using namespace std::chrono_literals;

bool is_readable(int fd, int timeout_ms) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, timeout_ms) == 1;
}

TEST(BootClock, GoesOnAndIsNotBehindTheClockThatSleeps) {
  const auto awake = std::chrono::steady_clock::now().time_since_epoch();
  const auto first = BootClock::now();
  EXPECT_LE(awake, first.time_since_epoch());
  EXPECT_LE(first, BootClock::now());
}

TEST(BootTimer, IsReadableFromItsTimeOn) {
  const BootTimer timer;
  EXPECT_FALSE(is_readable(timer.fd(), 0)) << "none was set";
  timer.set(BootClock::now() + 1ms);
  EXPECT_TRUE(is_readable(timer.fd(), -1));
  timer.set(BootClock::now() + 1h);
  EXPECT_FALSE(is_readable(timer.fd(), 0)) << "the later time counts";
  timer.set(BootClock::now() - 1h);
  EXPECT_TRUE(is_readable(timer.fd(), -1)) << "what is past is due";
  timer.set(BootClock::time_point::min());
  EXPECT_TRUE(is_readable(timer.fd(), -1)) << "so is what never was";
  timer.set(BootClock::time_point::max());
  EXPECT_FALSE(is_readable(timer.fd(), 0));
}

TEST(WallClockSteps, AreQuietWhileNobodySetsTheClock) {
  const Fd steps = wall_clock_steps();
  EXPECT_FALSE(is_readable(steps.get(), 0));
  forget_steps(steps.get());
  EXPECT_FALSE(is_readable(steps.get(), 0));
}

}  // namespace
}  // namespace domed::test
