#pragma once

#include <chrono>
#include <string>

#include "domed/error.h"

namespace domed {

// What a collector is asked about.
struct CollectRequest {
  // The job's own working directory; absolute, may not exist.  Where who asked for the job chose
  // it, this is "/proc/self/fd/N" of what it was seen to be, which nobody turns elsewhere; only
  // while the call lasts, and in this process.
  std::string cwd;
  std::string tool_id;                  // empty: an ad-hoc command
  std::chrono::milliseconds budget{0};  // answer within this; the kernel waits little longer
};

// Finds out one part of a run's provenance just before the run starts.
//
// Thread safety: collect() may be called by several threads at once.
// Safety: everything below "cwd" is hostile; a collector runs no program that
// it names, and follows no configuration that it holds.
class Collector {
 public:
  virtual ~Collector() = default;

  // Returns a JSON object whose keys are fields of the provenance record
  // (docs/provenance.md).  What it cannot know it sets to the string "unknown"
  // and says why in FIELD_reason.  Throws domed::Error when it failed as a
  // whole: all fields it announces in its manifest's "capabilities" ("a.b" is the
  // part b of the field a) then become "unknown" with the error's text as the
  // reason.  A call that is late is left alone, and no other is made until it
  // returns; the object lives as long as it does.
  virtual std::string collect(const CollectRequest& request) = 0;
};

}  // namespace domed
