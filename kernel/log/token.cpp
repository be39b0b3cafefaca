#include "log/token.h"

#include "base/hmac.h"

namespace domed {
namespace {

constexpr std::size_t kTokenDigits = 32;

}  // namespace

std::string external_token(std::string_view store_secret, std::string_view run_id) {
  return to_hex(hmac_sha256(store_secret, run_id)).substr(0, kTokenDigits);
}

std::string job_token(std::string_view run_token) {
  return sha256_hex("job:" + std::string(run_token)).substr(0, kTokenDigits);
}

std::optional<Digest> run_token_of(const JobHead& head, const JobFixed& fixed) {
  if (head.run_token || fixed.producer_token.empty()) return head.run_token;
  return sha256(fixed.producer_token);
}

// Digests may be compared in any time: who guesses learns nothing of what they are of.
bool is_token(const std::optional<Digest>& known, std::string_view token) {
  return known && *known == sha256(token);
}

}  // namespace domed
