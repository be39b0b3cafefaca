#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "domed/error.h"

namespace domed {

// A job as a commit left it.
struct Change {
  std::string job_id;
  std::string revision;
  std::uint64_t head_seq = 0;
  std::string state;
};

struct Changes {
  std::vector<Change> changes;
  std::string cursor;  // where the next wait() goes on; the store's own bytes
  // Some were missed (a cursor too old, a connection lost): any job may have changed.
  bool gap = false;
};

// A facet of a store, "watch": what was committed, by any object on the same place.
//
// At least once: a change is told at the latest 1 s after its commit is visible to reads,
// perhaps again, perhaps only the last of several to one job; those of this object's own
// commits among them or not.  Never a change that a read does not see yet.  A drop need not
// be told.
//
// Thread safety: wait() by one thread at a time, beside every method of the store.
class Watch {
 public:
  virtual ~Watch() = default;

  // Changes behind "cursor" (empty: from now on), as soon as there are any; none after
  // "timeout", or when interrupt() was called.  A cursor is good for any object on the place,
  // and as often as asked; one that this place did not give meets a gap.  Throws Error(io)
  // while the engine does not answer; the same cursor may then be asked again.
  virtual Changes wait(const std::string& cursor, std::chrono::milliseconds timeout) = 0;

  // Lets the wait() under way return, or else the next one.  From any thread.
  virtual void interrupt() = 0;
};

}  // namespace domed
