#pragma once

#include <filesystem>
#include <string>

namespace domed {

// Whether a file beside a deployment is its user's alone: it is there, nobody else may read it
// (0600), and nobody else can put another in its place.  Throws Error that says what to do; "how"
// such a file is made, as in "'domectl token new NAME >> FILE' makes one".
void must_be_private(const std::filesystem::path& file, const std::string& how);

}  // namespace domed
