#pragma once

#include <vector>

#include "system/boot_clock.h"
#include "system/cgroup.h"
#include "system/process.h"

namespace domed {

// Lets all that a command started stand still, and go on.  By the freezer of the run's cgroup,
// where there is one: then nothing of it notices, and nothing escapes.  Else by SIGSTOP, process by
// process: a parent before its children, and back in the other order, so that a shell that looks
// after its children never sees one of them stopped.  What somebody else had stopped stays so.
//
// A process that is being forked while its parent is stopped is there a moment later, so that one
// look is not enough: hold() is to be called again at next().
class Standstill {
 public:
  using Clock = BootClock;

  // "cgroup" outlives this.
  explicit Standstill(const Cgroup& cgroup) : cgroup_(cgroup) {}

  void hold();
  void release();
  // When to call hold() again; the end of time where all stands still.
  Clock::time_point next() const { return next_; }

 private:
  bool stop_members();

  const Cgroup& cgroup_;
  bool frozen_ = false;
  std::vector<Process> stopped_;  // in the order in which they were
  int quiet_looks_ = 0;           // one after another
  Clock::duration pause_{};
  Clock::time_point next_ = Clock::time_point::max();
};

}  // namespace domed
