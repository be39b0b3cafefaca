#pragma once

namespace domed {

// What all of our programs end with where their command line is wrong.
inline constexpr int kUsage = 2;

}  // namespace domed
