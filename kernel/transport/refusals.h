#pragma once

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace domed {

inline constexpr const char* kNoRole = "it belongs to somebody who has no role here";

// Tells of connections that are refused, once a second at most: whoever is refused may well try
// again at once.  "why" and "from" must be fit for a line of the log.  Not thread-safe.
class Refusals {
 public:
  // "from": who was refused; may be empty.
  void note(std::string_view why, std::size_t open, std::size_t bound, std::string_view from = "") {
    ++untold_;
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < std::chrono::seconds(1)) return;
    spdlog::warn("refused {} connection(s), the last{} because {} ({} of {} open)",
                 std::exchange(untold_, 0), from.empty() ? "" : " from " + std::string(from), why,
                 open, bound);
    told_ = now;
  }

 private:
  std::uint64_t untold_ = 0;
  std::chrono::steady_clock::time_point told_{};
};

}  // namespace domed
