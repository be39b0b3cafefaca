#include "system/boot_clock.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "domed/error.h"

namespace domed {
namespace {

constexpr std::int64_t kNanos = 1'000'000'000;
constexpr std::int64_t kFarSeconds = INT64_MAX / kNanos - 1;  // the last second that Linux counts

Fd made(int clock) {
  Fd fd(timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!fd) throw Error(Code::io, std::string("cannot make a timer: ") + std::strerror(errno));
  return fd;
}

}  // namespace

BootClock::time_point BootClock::now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

BootTimer::BootTimer() : fd_(made(CLOCK_BOOTTIME)) {}

// 0 would switch it off, and what is past is due at once all the same.
void BootTimer::set(BootClock::time_point until) const {
  const std::int64_t at = std::max<std::int64_t>(until.time_since_epoch().count(), 1);
  const itimerspec timer{{0, 0}, {std::min(at / kNanos, kFarSeconds), at % kNanos}};
  timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &timer, nullptr);
}

// A timer that never rings.  It is there for what Linux says of it when the clock is set.  Where
// something else than Linux plays its part and cannot say that, nobody is told: then a step is seen
// when there is another reason to look, as before.
Fd wall_clock_steps() {
  Fd fd = made(CLOCK_REALTIME);
  const itimerspec never{{0, 0}, {kFarSeconds, 0}};
  timerfd_settime(fd.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr);
  return fd;
}

// Fails with ECANCELED, which is the news; the timer goes on.
void forget_steps(int fd) {
  std::uint64_t ignored;
  [[maybe_unused]] const auto told = read(fd, &ignored, sizeof ignored);
}

}  // namespace domed
