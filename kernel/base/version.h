#pragma once

namespace domed {

inline constexpr const char* kVersion = "0.1.0";
inline constexpr int kProtocol = 1;

}  // namespace domed
