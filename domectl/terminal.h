#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace domed::ctl {

bool is_terminal(int fd);
// How wide the terminal is; 80 where it does not say.
std::size_t columns_of_terminal(int fd);

// How many lines it has; 24 where it does not say.
std::size_t rows_of_terminal(int fd);

// Escape sequences where "fd" is a terminal that takes them, else nothing.
class Colours {
 public:
  explicit Colours(bool on) : on_(on) {}
  static Colours of(int fd);

  bool on() const { return on_; }
  std::string dim(std::string_view text) const { return wrap("2", text); }
  std::string red(std::string_view text) const { return wrap("31", text); }
  std::string green(std::string_view text) const { return wrap("32", text); }
  // Yellow can hardly be read on white.
  std::string magenta(std::string_view text) const { return wrap("35", text); }
  std::string blue(std::string_view text) const { return wrap("34", text); }
  std::string state(std::string_view state) const;
  // The same for each "number", and another one for those next to it.
  std::string nth(std::size_t number, std::string_view text) const;

 private:
  std::string wrap(const char* code, std::string_view text) const;
  bool on_;
};

// How many bytes the character at the front of "text" has; 1 where it is no UTF-8.
std::size_t character_bytes(std::string_view text);

// "text" with what would steer a terminal, turn what is read or break a line, made visible; so is
// what is not UTF-8.  Whatever a job or a daemon said goes through this, or through
// screen_line(), before a terminal gets it.
std::string visible(std::string_view text);
// The same for a JSON text, as the escapes that JSON has for it.
std::string visible_json(std::string_view json);

// "domectl: TEXT" on stderr, made visible: it may come from a daemon.
void note(std::string_view text);
// The same of a text that is lines by itself.
void note_lines(std::string_view text);

}  // namespace domed::ctl
