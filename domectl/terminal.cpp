#include "domectl/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "domed/error.h"

namespace domed::ctl {

bool is_terminal(std::FILE* file) {
  return isatty(fileno(file)) == 1;
}

Colours Colours::of(std::FILE* file) {
  const char* term = std::getenv("TERM");
  const char* none = std::getenv("NO_COLOR");
  return Colours(is_terminal(file) && !(none && *none) && !(term && term == std::string("dumb")));
}

std::string Colours::wrap(const char* code, std::string_view text) const {
  if (!on_) return std::string(text);
  return std::string("\033[") + code + "m" + std::string(text) + "\033[0m";
}

std::string Colours::state(std::string_view state) const {
  if (state == "succeeded") return green(state);
  if (state == "failed") return red(state);
  if (state == "canceled") return yellow(state);
  return blue(state);
}

namespace {

// How many bytes of UTF-8 at the front of "text" form a character that steers a
// terminal (C0, DEL, C1) or turns the reading direction; 0: none does.
std::size_t steering(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text[0]);
  if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return 1;
  if (byte == 0xc2 && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xa0) return 2;
  for (const std::string_view mark : {"\u061c", "\u200e", "\u200f", "\u202a", "\u202b", "\u202c",
                                      "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"})
    if (text.starts_with(mark)) return mark.size();
  return 0;
}

}  // namespace

std::string visible(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t bytes = steering(text);
    for (const char c : text.substr(0, bytes)) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
      out += escape;
    }
    if (bytes == 0) out += text[0];
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return out;
}

void put(std::FILE* file, std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size())
    throw Error(Code::io, std::string("cannot write the output: ") + std::strerror(errno));
}

void note(std::string_view text) {
  std::fprintf(stderr, "domectl: %s\n", visible(text).c_str());
}

}  // namespace domed::ctl
