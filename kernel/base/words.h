#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace domed {

// "text" in at most "most" bytes: what is longer ends in "..." behind a whole character.
std::string shortened(std::string text, std::size_t most);

// 'text' for a message: control characters replaced, long ones cut.
std::string in_quotes(std::string_view text);

// "text" with each NUL as "\x00", for what is handed on as a C string, which would end there.
std::string with_nul_shown(std::string text);

// " (did you mean 'NAME'?)" where a name is close to "word", else empty.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& names);

}  // namespace domed
