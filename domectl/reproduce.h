#pragma once

#include "base/json.h"

namespace domed::ctl {

// A shell script that rebuilds the situation a run began in, from its job's
// status and, for the command of a tool, from GetTool's answer (null: none).
// What cannot be rebuilt it says in comments.  Values from the record are
// quoted, so that none of them can become a command of its own.
std::string reproduction(const OrderedJson& status, const OrderedJson& tool);

}  // namespace domed::ctl
