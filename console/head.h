#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace domed::console {

// Bytes of a request's lines before its body, and how many of them may be headers.
inline constexpr std::size_t kMostHead = 16 << 10, kMostHeaders = 100;

// A request without its body, as httplib may see it.
struct Head {
  std::string text;      // its empty line included
  std::size_t body = 0;  // bytes that follow
};

// Why it is not looked at any further: the status of HTTP, and words for people.
struct Objection {
  int status;
  const char* why;
};

// "head" is all up to the empty line, that included.  Where it ends, and where its body does, is
// what two programs on one connection must agree upon: so whatever could be read in two ways is
// refused, and with anything but POST there is no body at all.
//
// Left out is what httplib makes of a Range: all is given whole.
std::variant<Head, Objection> read_head(std::string_view head, std::size_t most_body);

}  // namespace domed::console
