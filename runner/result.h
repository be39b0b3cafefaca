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
  refused,  // the daemon has no such job any more
};

// The payload of the terminal event.  "status" is wait's, absent where the
// command never ran; "spawn_error" says why it could not, else it is empty.
std::string terminal_payload(const Spec& spec, Stop stop, std::optional<int> status,
                             const std::string& spawn_error);

}  // namespace domed
