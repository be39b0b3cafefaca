#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace domed::ctl {

// One line of a job's output as a terminal would show it, and nothing that reaches beyond
// the line: what follows a CR or a backspace overwrites, colours and styles stay (where
// "colours" says so), every other control sequence is made visible.
std::string screen_line(std::string_view text, bool colours);

// The lines of one stream as a terminal would show them, out of pieces that end anywhere: a
// progress bar comes as one piece for each of its steps.
class ScreenLines {
 public:
  explicit ScreenLines(bool colours) : colours_(colours) {}

  // The lines that "piece" ended, each with its LF.  One that is too long to be kept is given in
  // parts.
  std::string take(std::string_view piece);
  // What there is of a line that has not ended; it is kept.
  std::string begun(bool colours) const { return screen_line(kept_, colours); }
  // The same, which is then forgotten: nothing comes any more.
  std::string rest();

 private:
  const bool colours_;
  std::string kept_;
};

// How many columns of a terminal "text", which is visible(), takes.
std::size_t columns_of_text(std::string_view text);

// The front of "text", which is visible(), in at most "columns" of a terminal.
std::string fitting(std::string_view text, std::size_t columns);

}  // namespace domed::ctl
