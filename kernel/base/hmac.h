#pragma once

#include <string_view>

#include "domed/support/hash.h"

namespace domed {

Digest hmac_sha256(std::string_view key, std::string_view text);

}  // namespace domed
