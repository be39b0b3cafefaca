#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace domed::ctl {

// One line of a job's output as a terminal would show it, and nothing that reaches beyond
// the line: what follows a CR or a backspace overwrites, colours and styles stay (where
// "colours" says so), every other control sequence is made visible.
std::string screen_line(std::string_view text, bool colours);

// The same for several lines; each LF stays.
std::string screen_lines(std::string_view text, bool colours);

// How many columns of a terminal "text", which is visible(), takes.
std::size_t columns_of_text(std::string_view text);

// The front of "text", which is visible(), in at most "columns" of a terminal.
std::string fitting(std::string_view text, std::size_t columns);

}  // namespace domed::ctl
