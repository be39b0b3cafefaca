#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace domed {

// 'text' for a message: control characters replaced, long ones cut.
std::string in_quotes(std::string_view text);

// " (did you mean 'NAME'?)" where a name is close to "word", else empty.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& names);

}  // namespace domed
