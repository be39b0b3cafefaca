#pragma once

#include <string>
#include <vector>

#include "inquiry.h"

namespace domed::git {

// Which differences count: all, or those that the repository's configuration minds.
enum class Differences { all, declared };

// Under which index and working tree are compared, beyond those of every call: paths marked skip-worktree that are there nevertheless treated as any other; and modes, the
// case of names and symbolic links compared, or not where the repository declares that they
// mean nothing here.
std::vector<Setting> comparison_settings(const Config& config, Differences which);

// SHA-256 of "git diff" of the working tree against HEAD; "empty": status says that there is
// none; not known, with that reason, unless "wanted".
Known<std::string> hash_difference(const Inquiry& inquiry, bool empty, bool wanted);

}  // namespace domed::git
