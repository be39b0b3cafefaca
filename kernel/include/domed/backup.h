#pragma once

#include <cstdint>

#include "domed/error.h"

namespace domed {

// Hears how far a long work has come.  Called by the thread that does the work, at least
// once, and not more often than useful.
class Progress {
 public:
  virtual ~Progress() = default;
  // "done" of "total" bytes; "total" may grow meanwhile.  false: break off, which the work
  // answers with Error(unsupported, "broken off").
  virtual bool at(std::uint64_t done, std::uint64_t total) = 0;
};

// A facet of a store, "backup": copies of the whole, made while it is in use.
//
// Thread safety: at most one of the two runs at a time; backup() beside every method of
// the store, restore() beside none.
class Backup {
 public:
  virtual ~Backup() = default;

  // Writes one consistent copy to "fd", an empty regular file that the caller owns and
  // syncs: everything whose commit had returned when this was called, perhaps more, and
  // no half of an entry.  Writers and readers go on meanwhile.  Throws Error(io,
  // exhausted), and then what stands in "fd" is not to be used.
  virtual void backup(int fd, Progress& progress) const = 0;

  // Puts the copy in "fd", as backup() wrote it, in the place of everything that the
  // store holds, durably and as a whole: after an error or a loss of power the old or
  // the new is there.  The store has a new incarnation from its next object on; this one
  // is only to be destroyed afterwards.  Throws Error(corruption, unsupported) for what is
  // no such copy, with nothing changed.
  virtual void restore(int fd, Progress& progress) = 0;
};

}  // namespace domed
