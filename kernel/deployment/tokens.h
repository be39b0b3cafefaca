#pragma once

#include <filesystem>
#include <vector>

#include "transport/access.h"

namespace domed {

// Reads a deployment's file of tokens, a list of maps with "name", "sha256" and perhaps "expires":
// what 'domectl token new' writes, no two with one secret.  It must be of this user and closed to
// others (0600).  Throws Error with every problem, one "file:line:col: text" a line.
std::vector<Tokens::Token> load_tokens(const std::filesystem::path& file);

}  // namespace domed
