#pragma once

#include <optional>
#include <string>

#include "runner/spec.h"

namespace domed {

// Why the runner ended a job, where it did not end by itself.
enum class Stop {
  none,
  cancel,  // the log says cancel_requested
  timeout,
  told,     // the runner got SIGTERM
  lost,     // nobody said for how long it may go on
  refused,  // the daemon has no such job any more
};

struct Ending {
  Stop stop = Stop::none;
  std::optional<int> status;  // wait's; absent where the command never ran
  std::string spawn_error;    // why it could not
  std::string lost_output;    // what is to be said of output that was dropped
  bool out_of_memory = false;
};

// The payload of the terminal event.
std::string terminal_payload(const Spec& spec, const Ending& ending);

}  // namespace domed
