#pragma once

#include <string>

#include "findings.h"
#include "git.h"

namespace domed::git {

// Finds out about the repository that "directory" lies in, its submodules
// included, within "deadline".  What the time, the repository or a safety
// measure does not allow to know is not known; nothing is guessed and nothing
// thrown.  The repository's files are left as they are.  Thread-safe.
Findings examine(const Git& git, const std::string& directory, bool hash_diff,
                 const Deadline& deadline);

}  // namespace domed::git
