#pragma once

#include <simdjson.h>

#include <vector>

#include "protocol/event.h"

namespace domed {

// As the other read_events() of event.h, of a request that is being read: then its events are
// looked at once.  "array" is of a document that compact_json() checked.
std::vector<Event> read_events(simdjson::ondemand::array array);

}  // namespace domed
