#pragma once

#include "inquiry.h"
#include "listing.h"

namespace domed::git {

// Examines what the index names as submodules, and theirs, one by one with the same care as
// the repository itself: "git status" would enter them with their own configuration.
void examine_submodules(const IndexListing& listing, Inquiry& inquiry);

}  // namespace domed::git
