#pragma once

#include <string>

#include "log/job_log.h"

namespace domed {

// The params of an AppendJobEvents request, from a socket or from the spool of a
// runner that died.
struct AppendRequest {
  std::string job_id;
  Batch batch;
  std::size_t params_bytes = 0;

  bool starts() const;  // reports "running"
  bool ends() const;    // reports a terminal state
  // What its lines come to in an entry, at most.
  std::size_t entry_bytes() const;
};

// "params" is compact JSON of an object, as compact_json() made it, and stays that; it gets room
// for what simdjson reads beyond the end.  Throws ApiError(E_INVALID_REQUEST, E_TOO_LARGE).
AppendRequest read_append(std::string& params);

}  // namespace domed
