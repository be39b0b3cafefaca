#pragma once

#include <string>
#include <vector>

namespace domed {

// The formats of a record's head that a release reads: all from the oldest to the newest.  One that
// says nothing of them reads none that we could write for it.
struct Formats {
  unsigned oldest = 0, newest = 0;
  bool reads(unsigned format) const { return oldest <= format && format <= newest; }
};

// What we write while these nodes have leases: the newest that all read, and we; so that nodes are
// upgraded one at a time.  0: there is none.
unsigned format_to_write(Formats own, const std::vector<Formats>& others);

}  // namespace domed
