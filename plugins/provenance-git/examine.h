#pragma once

#include <string>

#include "findings.h"
#include "git.h"

namespace domed::git {

// What is found out only where it is asked for.
struct Wishes {
  bool hash_diff = true, author_hash = false;
  bool read_foreign = false;  // repositories of other users, too
};

// Finds out about the repository that "directory" lies in, its submodules
// included, within "deadline".  What the time, the repository or a safety
// measure does not allow to know is not known; nothing is guessed and nothing
// thrown.  The repository's files are left as they are.  Thread-safe.
Findings examine(const Git& git, const std::string& directory, const Wishes& wishes,
                 const Deadline& deadline);

struct Inquiry;
// The same of the submodule whose top-level directory is "directory", for "parent", whose time
// and count of submodules it shares; without what only a job's own commit is asked for.
Findings examine_submodule(Inquiry& parent, const std::string& directory);

}  // namespace domed::git
