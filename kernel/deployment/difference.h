#pragma once

#include <string>
#include <vector>

#include "deployment/deployment.h"

namespace domed {

// What a running daemon makes of its deployment's file when it reads that again.
struct Difference {
  Deployment now;  // what holds: the running one, with all of the other that could be taken over
  // Keys of the file that say something else than before ("jobs.max_running", "tools").
  std::vector<std::string> taken;    // hold from now on
  std::vector<std::string> waiting;  // hold after a restart only
};

// Nothing waits where it could be taken over: tools, queues and limits, what runs get that start
// from now on, retention, the log, tokens, and roles and files of a listener that stays.  What is
// bound at the start (addresses, state_dir, plugins and their options, cgroup) does.
Difference difference(const Deployment& running, const Deployment& read);

}  // namespace domed
