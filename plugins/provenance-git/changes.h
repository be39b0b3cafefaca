#pragma once

#include <string>

#include "inquiry.h"

namespace domed::git {

// Compares index and working tree with HEAD: the dirty flag, the counts, and with "hash_diff"
// the digest of the difference.  After examine_index(), whose doubts and submodules it weighs.
void examine_changes(Inquiry& inquiry, bool hash_diff);

// All of that is unknown for "reason"; the submodules too.
void no_changes_known(Inquiry& inquiry, const std::string& reason);

}  // namespace domed::git
