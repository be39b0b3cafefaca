#pragma once

#include <string>

#include "base/json.h"
#include "log/job.h"
#include "provenance/guarded_call.h"

namespace domed {

// What a request for a tool may set of how its command runs: what the tool's "accepts" names, and
// nothing else.
//   {"env": [NAME...], "cwd": [DIRECTORY...], "stdin": ["bytes", DIRECTORY...], "tty": true}
// A directory stands for itself and all below it.
//
// A path that is refused here never becomes a job's.  What is taken here may lead elsewhere by
// the time the command starts, so domed-runner looks again at what it opens (system/found_path.h).
//
// Thread-safe.
class ToolFence {
 public:
  // Throws ApiError(E_POLICY_DENIED) that names the field and what would be accepted.
  void check(const JobFixed& job, const Json& tool) const;

 private:
  void check_path(const std::string& path, const std::string& field, const std::string& tool_id,
                  const Json& accepted) const;
  bool leads_elsewhere(const std::string& path, const std::vector<std::string>& directories) const;

  GuardedCall look_{"looking at a path of a request"};
};

}  // namespace domed
