#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "system/fd.h"

namespace domed {

// Where the scheduler's thread sleeps: until it is rung, a process has ended, or a time has come.
class Alarm {
 public:
  using Clock = std::chrono::steady_clock;
  Alarm();

  // From any thread.  Ends the sleep that is, or else the next one.
  void ring() const;
  // "pidfds": of the processes of jobs, to stay open meanwhile.  Returns the jobs whose processes
  // have ended.
  std::vector<std::string> sleep(const std::map<std::string, int>& pidfds,
                                 Clock::time_point until) const;

 private:
  const Fd event_;
};

}  // namespace domed
