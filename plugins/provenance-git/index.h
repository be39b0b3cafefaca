#pragma once

#include "inquiry.h"

namespace domed::git {

// Lists the index: what in it hides changes becomes a flag or a doubt, and its submodules are
// examined.
void examine_index(Inquiry& inquiry);

}  // namespace domed::git
