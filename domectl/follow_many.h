#pragma once

#include <string>
#include <vector>

#include "domectl/context.h"
#include "domectl/printer.h"
#include "domectl/selection.h"

namespace domed::ctl {

// Several jobs to be followed at once.
struct ManyJobs {
  std::vector<std::string> jobs;  // as they were given
  Filter filter;                  // with "all"
  bool all = false;               // those that are not over, and whatever comes
  bool exit_code = false, follow = true, frames = true;
};

// Shows them line by line, each with the job's name before it, until all are over; "all" of them
// until it is interrupted.  Returns the exit code.  "printing" names a view.
int follow_many(Context& context, const ManyJobs& many, const Printer::Options& printing);

}  // namespace domed::ctl
