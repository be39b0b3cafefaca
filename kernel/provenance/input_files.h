#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "provenance/file_hashes.h"

namespace domed {

struct InputLimits {
  std::size_t files = 1000, entries = 100'000;  // matched; looked at
  std::uint64_t bytes = std::uint64_t{256} << 20;
};

// The files below "directory" that "patterns" name, and their hashes:
//   {"patterns", "count", "bytes", "sha256", "files": [{"path", "sha256"}]}
// A pattern is a relative path whose parts are globs (fnmatch); the part "**"
// stands for any number of directories.  A leading dot is matched by a dot only.
// "sha256" is that of what sha256sum prints for the files in the order of their
// bytes; the list itself is shown up to 64 files.
//
// A symbolic link to a file below "directory" counts as that file.  Nothing
// outside of "directory" is read.  Throws Error with the reason where a limit or
// "deadline" is passed, where a file that a pattern names cannot be read or is no
// regular file, and where a link to a directory would have to be followed.
Json hash_inputs(const std::string& directory, const std::vector<std::string>& patterns,
                 const InputLimits& limits, SteadyTime deadline);

}  // namespace domed
