#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "domed/store.h"

namespace domed {

// What a reading of everything in a store came to.
struct StoreReport {
  std::uint64_t jobs = 0, tombstones = 0, events = 0, bytes = 0;
  std::uint64_t problems = 0;
};

// Reads every record and every event of "store", checked and open, and holds each log against its
// record: numbering, digest, totals.  Each record that is listed is looked up by its id, too.
// Changes nothing.  "problem" is told of each piece that is not
// as it was written, and the reading goes on behind it; "progress" after each job.  What cannot be
// listed is a problem too.  Throws what else the store throws.
StoreReport check_store(const Store& store, const std::function<void(const std::string&)>& problem,
                        const std::function<void(const StoreReport&)>& progress);

}  // namespace domed
