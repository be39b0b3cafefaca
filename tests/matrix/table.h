#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace domed::matrix {

// The roles of docs/protocol.md, as it spells them, the least first.
enum Rank { none, reader, producer, submitter, everything };
std::string name_of(Rank rank);

// What a request is about.
enum class Job {
  nobody,    // no job
  followed,  // an external one of the daemon's user
  own,       // one that whoever asks has submitted
  foreign,   // one that the daemon's user has submitted
};

// A request, who may make it, and what comes of it for those; rows go in their order, for a job
// that is canceled can then be tried again.
struct Row {
  std::string method;
  Json params;
  Rank needs;
  Job job = Job::nobody;
  Rank needs_too = none;  // "params" or the job's owner ask for more
  std::string then = "";  // the E_ name of what an allowed one gets; "": its result
};

// Written out of the table in docs/protocol.md, and out of nothing else.
const std::vector<Row>& table();

}  // namespace domed::matrix
