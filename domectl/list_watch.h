#pragma once

#include <cstddef>
#include <string>

#include "domectl/context.h"
#include "domectl/job_order.h"
#include "domectl/selection.h"

namespace domed::ctl {

struct ListWatch {
  Filter filter;
  std::string columns;
  std::size_t limit;
  Ordering order;
};

// Shows the jobs on the whole screen, anew each second, until somebody leaves it; returns the exit
// code.  Standard input and output are a terminal.
int watch_list(Context& context, const ListWatch& given);

}  // namespace domed::ctl
