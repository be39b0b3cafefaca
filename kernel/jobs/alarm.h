#pragma once

#include <map>
#include <string>
#include <vector>

#include "system/boot_clock.h"
#include "system/fd.h"

namespace domed {

// Where the scheduler's thread sleeps: until it is rung, a process has ended, a time has come, or
// somebody has set the wall clock.  For then what was to happen at a time of day may be due
// already, which no time of the BootClock tells.
class Alarm {
 public:
  using Clock = BootClock;
  // "steps" is readable when the wall clock was set; a test's own is told so by the test.
  explicit Alarm(Fd steps = wall_clock_steps());

  // From any thread.  Ends the sleep that is, or else the next one.
  void ring() const;
  // "pidfds": of the processes of jobs, to stay open meanwhile.  Returns the jobs whose processes
  // have ended.
  std::vector<std::string> sleep(const std::map<std::string, int>& pidfds,
                                 Clock::time_point until) const;

 private:
  const Fd event_, steps_;
  const BootTimer timer_;
};

}  // namespace domed
