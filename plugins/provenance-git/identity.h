#pragma once

#include <string>

#include "inquiry.h"

namespace domed::git {

// What its HEAD and its configuration say: commit, ref, name, remote, flags.  Returns why its
// working tree must not be looked at; empty: it may be.
std::string find_identity(Inquiry& inquiry);

}  // namespace domed::git
