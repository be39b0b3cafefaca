#pragma once

namespace domed {

// What people see in the place of a secret.
inline constexpr const char* kMasked = "***";

}  // namespace domed
