#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "bench/latency.h"

namespace domed::bench {

// The time of sending, as a producer puts it at the beginning of an event's text.
inline std::string stamp() {
  return "t=" + std::to_string(static_cast<std::int64_t>(now_us() * 1000)) + " ";
}

// The time with which "text" begins; nullopt where it has none.
inline std::optional<double> stamp_us(std::string_view text) {
  std::int64_t ns = 0;
  if (text.substr(0, 2) != "t=" ||
      std::from_chars(text.data() + 2, text.data() + text.size(), ns).ec != std::errc())
    return std::nullopt;
  return static_cast<double>(ns) / 1000;
}

// The time that is in an event's line.
inline std::optional<double> sent_us(std::string_view line) {
  constexpr std::string_view kBefore = "\"text\":\"";
  const std::size_t at = line.find(kBefore);
  if (at == std::string_view::npos) return std::nullopt;
  return stamp_us(line.substr(at + kBefore.size()));
}

}  // namespace domed::bench
