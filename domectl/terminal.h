#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace domed::ctl {

bool is_terminal(std::FILE* file);

// Escape sequences where "file" is a terminal that takes them, else nothing.
class Colours {
 public:
  explicit Colours(bool on) : on_(on) {}
  static Colours of(std::FILE* file);

  std::string dim(std::string_view text) const { return wrap("2", text); }
  std::string red(std::string_view text) const { return wrap("31", text); }
  std::string green(std::string_view text) const { return wrap("32", text); }
  std::string yellow(std::string_view text) const { return wrap("33", text); }
  std::string blue(std::string_view text) const { return wrap("34", text); }
  std::string state(std::string_view state) const;

 private:
  std::string wrap(const char* code, std::string_view text) const;
  bool on_;
};

// "text" with what would steer a terminal, or turn what is read, made visible.
std::string visible(std::string_view text);

// Throws Error(io) where "bytes" cannot be written.
void put(std::FILE* file, std::string_view bytes);

// "domectl: TEXT" on stderr, made visible: it may come from a daemon.
void note(std::string_view text);

}  // namespace domed::ctl
