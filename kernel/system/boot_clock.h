#pragma once

#include <chrono>

#include "system/fd.h"

namespace domed {

// Time since the machine was started.  Nobody sets it, as somebody may set the wall clock, and it
// goes on while the machine sleeps, as std::chrono::steady_clock does not.  So it is for what was
// promised to people and to other machines: timeouts of commands, backoffs, how long a producer may
// be silent.  What a process of this machine gets to do something in, which it cannot while the
// machine sleeps, is counted by steady_clock.
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;
};

// A descriptor for poll() that becomes readable at a time of the BootClock.  poll()'s own timeout
// stands still while the machine sleeps.
class BootTimer {
 public:
  // Throws Error(io).
  BootTimer();
  int fd() const { return fd_.get(); }
  // Instead of the time that was set before; it is not readable until then.
  void set(BootClock::time_point until) const;

 private:
  const Fd fd_;
};

// A descriptor that becomes readable whenever somebody sets the wall clock; forget_steps() makes it
// wait for the next time.  Throws Error(io).
Fd wall_clock_steps();
void forget_steps(int fd);

}  // namespace domed
