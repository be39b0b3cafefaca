#pragma once

#include <nettle/sha2.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace domed {

using Digest = std::array<std::uint8_t, 32>;

// SHA-256 over bytes that come in pieces.  A plain value: a copy continues on
// its own, and state() can be kept and restored.
class Sha256 {
 public:
  Sha256() { sha256_init(&context_); }

  void update(std::string_view bytes) {
    sha256_update(&context_, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  }
  void update(const Digest& bytes) { sha256_update(&context_, bytes.size(), bytes.data()); }

  // The digest of what came so far; the hash can go on afterwards.
  Digest digest() const;

  // The intermediate state, at most 104 bytes, for restore().
  std::string state() const;
  // False where "state" was not made by state(); the hash is then unchanged.
  bool restore(std::string_view state);

 private:
  sha256_ctx context_;
};

Digest sha256(std::string_view bytes);

std::string to_hex(std::string_view bytes);
std::string to_hex(const Digest& digest);
std::string sha256_hex(std::string_view bytes);
// False where "text" is not 64 lower-case hex characters; "digest" is then unspecified.
bool from_hex(std::string_view text, Digest& digest);

std::string to_base64(std::string_view bytes);
// False where "text" is not RFC 4648 base64 with padding; "bytes" is then unspecified.
bool from_base64(std::string_view text, std::string& bytes);

// "bytes" random bytes from the system; and in lower-case hex.
std::string random_bytes(std::size_t bytes);
std::string random_hex(std::size_t bytes);

}  // namespace domed
