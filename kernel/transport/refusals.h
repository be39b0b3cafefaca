#pragma once

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace domed {

inline constexpr const char* kNoRole = "it belongs to a user who has no role here";

// Tells of connections that are refused, once a second at most: whoever is refused may well try
// again at once.  Not thread-safe.
class Refusals {
 public:
  void note(const char* why, std::size_t open, std::size_t bound) {
    ++untold_;
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < std::chrono::seconds(1)) return;
    spdlog::warn("refused {} connection(s), the last because {} ({} of {} open)",
                 std::exchange(untold_, 0), why, open, bound);
    told_ = now;
  }

 private:
  std::uint64_t untold_ = 0;
  std::chrono::steady_clock::time_point told_{};
};

}  // namespace domed
