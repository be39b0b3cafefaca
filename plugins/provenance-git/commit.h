#pragma once

#include "inquiry.h"

namespace domed::git {

// What HEAD's commit says of itself: when it was made, the hash of its author (with
// "author_hash"), and the nearest tag.
void describe_commit(Inquiry& inquiry, bool author_hash);

}  // namespace domed::git
