#pragma once

#include <cstdint>

namespace domed::bench {

// Events of a batch, where its size is not what is measured, so that figures can be compared.
inline constexpr std::uint64_t kUsualBatch = 200;

}  // namespace domed::bench
