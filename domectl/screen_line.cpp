#include "domectl/screen_line.h"

#include <algorithm>
#include <cwchar>
#include <utility>
#include <vector>

#include "domectl/terminal.h"

namespace domed::ctl {
namespace {

// Of a line that has not ended.
constexpr std::size_t kMostKept = 64 * 1024;

// What SGR sequences may set.  Of bounded size, whatever they are: each cell has one.
// Concealed and blinking text is not among it: it is to be read.
struct Style {
  unsigned on = 0;  // bit n: the attribute n
  std::string front, back;
  bool operator==(const Style& other) const = default;

  bool plain() const { return *this == Style(); }
  std::string sequence() const {
    std::string out = "\033[0";
    for (const int attribute : {1, 2, 3, 4, 7, 9})
      if (on & (1u << attribute)) out += ";" + std::to_string(attribute);
    for (const std::string* colour : {&front, &back})
      if (!colour->empty()) out += ";" + *colour;
    return out + "m";
  }
};

struct Cell {
  std::string text;
  Style style;
};

// "38;5;N" or "38;2;R;G;B" from "at" on, which is moved behind it; empty: no such colour.
std::string extended(const std::vector<unsigned>& numbers, std::size_t& at) {
  const std::size_t kind = at + 1 < numbers.size() ? numbers[at + 1] : 0;
  const std::size_t count = kind == 5 ? 3 : kind == 2 ? 5 : 0;
  if (count == 0 || numbers.size() - at < count) {
    at = numbers.size();
    return "";
  }
  std::string out = std::to_string(numbers[at]);
  for (std::size_t i = 1; i < count; ++i)
    out += ";" + std::to_string(std::min(numbers[at + i], 255u));
  at += count - 1;
  return out;
}

void set_style(const std::vector<unsigned>& numbers, Style& style) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const unsigned n = numbers[i];
    if (n == 0) style = {};
    if (n == 1 || n == 2 || n == 3 || n == 4 || n == 7 || n == 9) style.on |= 1u << n;
    if (n == 22) style.on &= ~(1u << 1 | 1u << 2);
    if (n == 23 || n == 24 || n == 27 || n == 29) style.on &= ~(1u << (n - 20));
    if ((n >= 30 && n <= 37) || (n >= 90 && n <= 97)) style.front = std::to_string(n);
    if ((n >= 40 && n <= 47) || (n >= 100 && n <= 107)) style.back = std::to_string(n);
    if (n == 39) style.front.clear();
    if (n == 49) style.back.clear();
    if (n == 38) style.front = extended(numbers, i);
    if (n == 48) style.back = extended(numbers, i);
  }
}

// How many bytes at the front of "text" are ESC [ numbers "end"; 0: something else.
std::size_t sequence(std::string_view text, char end, std::vector<unsigned>& numbers) {
  if (!text.starts_with("\033[")) return 0;
  numbers.assign(1, 0);
  // Bounded, for the sequence comes from the job: one that never ends is shown as the text it is.
  for (std::size_t i = 2; i < text.size() && numbers.size() < 64; ++i) {
    if (text[i] == end) return i + 1;
    if (text[i] >= '0' && text[i] <= '9')
      numbers.back() = std::min(numbers.back() * 10 + static_cast<unsigned>(text[i] - '0'), 9999u);
    else if (text[i] == ';' || text[i] == ':')
      numbers.push_back(0);
    else
      return 0;
  }
  return 0;
}

class Line {
 public:
  void take(std::string_view text) {
    std::vector<unsigned> numbers;
    while (!text.empty()) {
      std::size_t bytes = 1;
      // As a terminal would end up showing the line, and nothing that reaches beyond it: no
      // sequence that moves to other lines, sets titles or asks the terminal for an answer is
      // obeyed.  A progress bar of a thousand steps becomes its last one.
      if (text[0] == '\r') {
        at_ = 0;
      } else if (text[0] == '\b') {
        at_ -= at_ > 0;
      } else if (const std::size_t colour = sequence(text, 'm', numbers)) {
        set_style(numbers, style_);
        bytes = colour;
      } else if (const std::size_t erase = sequence(text, 'K', numbers)) {
        clear(numbers[0]);
        bytes = erase;
      } else {
        bytes = character_bytes(text);
        write(visible(text.substr(0, bytes)));
      }
      text.remove_prefix(bytes);
    }
  }

  std::string text(bool colours) const {
    std::string out;
    Style now;
    for (const Cell& cell : cells_) {
      if (colours && cell.style != now) out += cell.style.sequence();
      now = cell.style;
      out += cell.text;
    }
    return colours && !now.plain() ? out + "\033[0m" : out;
  }

 private:
  // What erases beyond the cursor, before it, or all of the line.
  void clear(unsigned what) {
    if (what == 0 && at_ < cells_.size()) cells_.resize(at_);
    if (what == 1 || what == 2)
      std::fill(cells_.begin(),
                what == 2 ? cells_.end() : cells_.begin() + std::min(at_, cells_.size()),
                Cell{" ", {}});
  }
  void write(std::string text) {
    if (at_ >= cells_.size()) cells_.resize(at_ + 1, Cell{" ", {}});
    cells_[at_++] = {std::move(text), style_};
  }

  std::vector<Cell> cells_;
  std::size_t at_ = 0;
  Style style_;
};

// Of a character, in the locale's opinion; what it does not know takes one.
std::size_t columns_of(std::string_view character) {
  std::mbstate_t state{};
  wchar_t wide = 0;
  const std::size_t bytes = std::mbrtowc(&wide, character.data(), character.size(), &state);
  if (bytes > character.size()) return 1;
  // As wide as the terminal draws it, or nearly: a bar that is one column too long wraps.
  const int columns = wcwidth(wide);
  return columns < 0 ? 1 : static_cast<std::size_t>(columns);
}

}  // namespace

std::string screen_line(std::string_view text, bool colours) {
  // Where nothing moves the cursor back or sets a style, cells are of no use: all but a few lines
  // of a log, and a pager that goes to its end waits for each.
  if (text.find_first_of("\r\b\033") == text.npos) return visible(text);
  Line line;
  line.take(text);
  return line.text(colours);
}

std::string ScreenLines::take(std::string_view piece) {
  std::string out;
  for (std::size_t end; (end = piece.find('\n')) != piece.npos; piece.remove_prefix(end + 1)) {
    out += kept_.empty() ? screen_line(piece.substr(0, end), colours_)
                         : screen_line(kept_ += piece.substr(0, end), colours_);
    out += '\n';
    kept_.clear();
  }
  kept_ += piece;
  if (kept_.size() <= kMostKept) return out;
  // A bar that is drawn for hours without a LF is as long as one of its steps.
  const bool at_begin = kept_.back() == '\r';
  kept_ = screen_line(kept_, colours_);
  if (kept_.size() > kMostKept / 2) return out + rest();
  if (at_begin) kept_ += '\r';
  return out;
}

std::string ScreenLines::rest() {
  return screen_line(std::exchange(kept_, {}), colours_);
}

std::size_t columns_of_text(std::string_view text) {
  std::size_t out = 0;
  while (!text.empty()) {
    const std::string_view character = text.substr(0, character_bytes(text));
    out += columns_of(character);
    text.remove_prefix(character.size());
  }
  return out;
}

std::string fitting(std::string_view text, std::size_t columns) {
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::string_view character = text.substr(0, character_bytes(text));
    used += columns_of(character);
    if (used > columns) break;
    out += character;
    text.remove_prefix(character.size());
  }
  return out;
}

}  // namespace domed::ctl
