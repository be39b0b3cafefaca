#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "jobs/leftovers.h"
#include "jobs/run_dir.h"
#include "system/cgroup.h"

namespace domed {

// The runners that live, as the processes of this machine show them; each moment's picture.
//
// A run's runner is a process of this user whose command line is that of "program" on the run's
// directory.  No file is asked: a job can write there what it likes, but it cannot change the
// command line of another process.  A job that gives itself such a command line is taken for a part
// of that run, and ends with it.
class Runners {
 public:
  explicit Runners(const std::string& program);

  // Of the run in "dir", the oldest first; empty where none lives.
  std::vector<Process> of(const RunDir& dir) const;

 private:
  std::multimap<std::string, Process> by_directory_;
};

// Kills the tree below each of "runners", then themselves.  They are stopped first, and have no
// say any more; as child subreapers they hold their trees together all the same.  What is alive
// after "limit" is reported.
Leftovers kill_run(const std::vector<Process>& runners, const Cgroup& cgroup,
                   std::chrono::milliseconds limit = std::chrono::seconds(3));

}  // namespace domed
