#pragma once

#include <cstddef>
#include <cstdint>

#include "domed/store.h"
#include "sqlite.h"

namespace domed {

// Fills "slice", which has its job, with lines of the log "no", within the snapshot that
// "connection" has: forward from slice.from on, which is retained, or backward below "end",
// which is above first_seq.  Where the log is damaged they give the good lines before that
// place in their direction, and throw Error(corruption) where there is none.
struct ReadLimits {
  std::size_t events = 0;
  std::size_t bytes = 0;
};
void read_forward(sqlite::Connection& connection, std::int64_t no, const ReadLimits& limits,
                  Slice& slice);
void read_backward(sqlite::Connection& connection, std::int64_t no, std::uint64_t end,
                   const ReadLimits& limits, Slice& slice);

}  // namespace domed
