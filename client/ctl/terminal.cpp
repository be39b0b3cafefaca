#include "client/ctl/terminal.h"

#include <unistd.h>

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

std::string visible(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  return out;
}

void put(std::FILE* file, std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size())
    throw Error(Code::io, std::string("cannot write the output: ") + std::strerror(errno));
}

void note(std::string_view text) {
  std::fprintf(stderr, "domectl: %.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace domed::ctl
