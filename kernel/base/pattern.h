#pragma once

#include <regex>
#include <string>

namespace domed {

// Whether "text" matches "pattern", an ECMAScript regular expression without
// back-references: wholly, or with "anywhere" in some part.  The time is bounded
// whatever the two are: longer patterns than 256 bytes are refused with
// std::regex_error, longer texts than 4096 bytes never match.
std::regex compile_pattern(const std::string& pattern);
bool matches(const std::string& pattern, const std::string& text, bool anywhere = false);

}  // namespace domed
