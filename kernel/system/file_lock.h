#pragma once

#include <sys/types.h>

#include <string>

#include "system/fd.h"

namespace domed {

// Which file a name leads to; all zero: none.  A file that is still open keeps its
// number to itself.
struct FileIdentity {
  dev_t device = 0;
  ino_t number = 0;
  bool operator==(const FileIdentity&) const = default;
};
FileIdentity identity_of(const std::string& path);

// An advisory lock on a file, held until the end of its life.  The kernel lets
// go of it however the process ends, so it never has to be cleaned up.  The file
// stays: removing it would let two daemons lock two different files.
class FileLock {
 public:
  FileLock() = default;
  // Throws Error(conflict) when another holds it: "claim", as in "ipc:///x is served",
  // and by whom.
  FileLock(const std::string& path, const std::string& claim);

  // Whether the path still leads to the file that is locked.
  bool in_place() const;

 private:
  std::string path_;
  Fd file_;
};

}  // namespace domed
