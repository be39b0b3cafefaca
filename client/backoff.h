#pragma once

#include <chrono>

namespace domed {

// Between two tries of what may pass: doubled each time, up to the longest.
inline constexpr std::chrono::milliseconds kFirstPause{50}, kLongestPause{2000};

}  // namespace domed
