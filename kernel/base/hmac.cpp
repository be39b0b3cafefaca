#include "base/hmac.h"

#include <nettle/hmac.h>

namespace domed {

Digest hmac_sha256(std::string_view key, std::string_view text) {
  hmac_sha256_ctx context;
  hmac_sha256_set_key(&context, key.size(), reinterpret_cast<const std::uint8_t*>(key.data()));
  hmac_sha256_update(&context, text.size(), reinterpret_cast<const std::uint8_t*>(text.data()));
  Digest out;
  hmac_sha256_digest(&context, out.size(), out.data());
  return out;
}

}  // namespace domed
