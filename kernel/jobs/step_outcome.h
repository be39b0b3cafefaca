#pragma once

#include "jobs/run_dir.h"

namespace domed {

// What a step on a run came to, and what is to be done with the job's slot.
struct StepOutcome {
  enum class Next {
    release,     // nothing is left to do
    line_up,     // it was held meanwhile, or its queue is full: it goes back to its place there
    watch,       // "runner" has it
    look_again,  // nobody can tell now whether a runner has it
  };
  Next next = Next::release;
  Runner runner;
};

}  // namespace domed
