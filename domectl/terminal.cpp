#include "domectl/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/json.h"

namespace domed::ctl {

bool is_terminal(int fd) {
  return isatty(fd) == 1;
}

std::size_t columns_of_terminal(int fd) {
  winsize window{};
  return ioctl(fd, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 80;
}

std::size_t rows_of_terminal(int fd) {
  winsize window{};
  return ioctl(fd, TIOCGWINSZ, &window) == 0 && window.ws_row > 0 ? window.ws_row : 24;
}

Colours Colours::of(int fd) {
  const char* term = std::getenv("TERM");
  const char* none = std::getenv("NO_COLOR");
  // no-color.org: set to anything but the empty text.
  return Colours(is_terminal(fd) && !(none && *none) && !(term && term == std::string("dumb")));
}

// Of those that can be read on dark and on light; red is for what failed.
std::string Colours::nth(std::size_t number, std::string_view text) const {
  constexpr std::array<const char*, 6> kColours{"36", "35", "32", "34", "1;36", "1;35"};
  return wrap(kColours[number % kColours.size()], text);
}

std::string Colours::wrap(const char* code, std::string_view text) const {
  if (!on_) return std::string(text);
  return std::string("\033[") + code + "m" + std::string(text) + "\033[0m";
}

std::string Colours::state(std::string_view state) const {
  if (state == "succeeded") return green(state);
  if (state == "failed") return red(state);
  if (state == "canceled" || state == "held" || state == "paused") return magenta(state);
  return blue(state);
}

std::size_t character_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t bytes = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // What is no UTF-8 goes byte by byte, so that each of them is shown.
  return is_utf8(text.substr(0, bytes)) && bytes <= text.size() ? bytes : 1;
}

namespace {

// Whether a character steers a terminal (C0, DEL, C1), turns the reading direction, ends a line for
// some readers, or is none at all.
bool steers(std::string_view character) {
  const auto byte = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return (byte < 0x20 && byte != '\t') || byte >= 0x7f;
  // C1 in UTF-8: some terminals take U+009B for ESC [.
  if (byte == 0xc2) return static_cast<unsigned char>(character[1]) < 0xa0;
  // Marks that turn the reading direction make a line look like another one, in a file's name or a
  // command just as in source code.
  if (character == "\u061c") return true;
  return (character >= "\u200e" && character <= "\u200f") ||
         (character >= "\u2028" && character <= "\u202e") ||
         (character >= "\u2066" && character <= "\u206f");
}

}  // namespace

// By two hex digits a byte, as people know it from C. The text cannot be got back from it, since a
// "\x1b" of its own stays as it is: for eyes only.
std::string visible(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && text[plain] >= ' ' && text[plain] < '\x7f') ++plain;
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    const std::string_view character = text.substr(0, character_bytes(text));
    if (character.empty()) break;
    if (steers(character)) {
      for (const char c : character) {
        char escape[8];
        std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
        out += escape;
      }
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

std::string visible_json(std::string_view json) {
  std::string out;
  while (!json.empty()) {
    const std::string_view character = json.substr(0, character_bytes(json));
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
    if (character == "\n" || !steers(character)) {
      out += character;
    } else if (character.size() <= 3) {
      const unsigned code = character.size() == 1 ? at(0)
                            : character.size() == 2
                                ? (at(0) & 0x1fu) << 6 | (at(1) & 0x3fu)
                                : (at(0) & 0xfu) << 12 | (at(1) & 0x3fu) << 6 | (at(2) & 0x3fu);
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", code);
      out += escape;
    }
    json.remove_prefix(character.size());
  }
  return out;
}

void note(std::string_view text) {
  std::fprintf(stderr, "domectl: %s\n", visible(text).c_str());
}

void note_lines(std::string_view text) {
  std::string shown;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    shown += (at == 0 ? "" : "\n  ") + visible(text.substr(at, end - at));
    at = end + 1;
  }
  std::fprintf(stderr, "domectl: %s\n", shown.c_str());
}

}  // namespace domed::ctl
