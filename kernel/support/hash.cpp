#include "domed/support/hash.h"

#include <nettle/base64.h>
#include <sys/random.h>

#include <cstring>

#include "domed/error.h"

namespace domed {
namespace {

std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

Digest Sha256::digest() const {
  // nettle's digest ends the hash; a log's goes on with the next event.
  sha256_ctx copy = context_;
  Digest out;
  sha256_digest(&copy, out.size(), out.data());
  return out;
}

// Eight state words, the block count, then the bytes of the open block: in this machine's byte
// order, for it is read by the same daemon.  It is kept in a job's record, so that no log is read
// again after a restart; another implementation of SHA-256 would have to read this form.
std::string Sha256::state() const {
  std::string out(40 + context_.index, '\0');
  std::memcpy(out.data(), context_.state, 32);
  std::memcpy(out.data() + 32, &context_.count, 8);
  std::memcpy(out.data() + 40, context_.block, context_.index);
  return out;
}

bool Sha256::restore(std::string_view state) {
  // A full block is hashed at once and never part of a state.
  if (state.size() < 40 || state.size() >= 40 + SHA256_BLOCK_SIZE) return false;
  // What lies behind the index of the open block is written before it is read.
  sha256_init(&context_);
  std::memcpy(context_.state, state.data(), 32);
  std::memcpy(&context_.count, state.data() + 32, 8);
  context_.index = static_cast<unsigned>(state.size() - 40);
  std::memcpy(context_.block, state.data() + 40, context_.index);
  return true;
}

Digest sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.digest();
}

std::string to_hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out += kDigits[static_cast<std::uint8_t>(c) >> 4];
    out += kDigits[static_cast<std::uint8_t>(c) & 15];
  }
  return out;
}

std::string to_hex(const Digest& digest) {
  return to_hex(view(digest));
}
bool from_hex(std::string_view text, Digest& digest) {
  // Lower case alone: a digest is compared as text, in records, by people and by jq, so that there
  // is one way to write it.
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (text.size() != 2 * digest.size()) return false;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const auto high = kDigits.find(text[2 * i]), low = kDigits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    digest[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

std::string sha256_hex(std::string_view bytes) {
  return to_hex(sha256(bytes));
}

std::string to_base64(std::string_view bytes) {
  std::string out(BASE64_ENCODE_RAW_LENGTH(bytes.size()), '\0');
  base64_encode_raw(out.data(), bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  return out;
}

bool from_base64(std::string_view text, std::string& bytes) {
  // A text that lost its end would otherwise decode to fewer bytes and look whole.
  if (text.size() % 4 != 0) return false;
  for (const char c : text)
    if (c <= ' ') return false;  // nettle skips white space
  base64_decode_ctx context;
  base64_decode_init(&context);
  bytes.resize(BASE64_DECODE_LENGTH(text.size()));
  std::size_t length = bytes.size();
  if (!base64_decode_update(&context, &length, reinterpret_cast<std::uint8_t*>(bytes.data()),
                            text.size(), text.data()) ||
      !base64_decode_final(&context))
    return false;
  bytes.resize(length);
  return true;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t done = 0; done < count;) {
    // Of ids and tokens, which must not be guessed: no seed of our own, and no fallback where the
    // system has none to give.
    const ssize_t n = getrandom(bytes.data() + done, count - done, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(Code::internal, std::string("getrandom: ") + std::strerror(errno));
    done += static_cast<std::size_t>(n);
  }
  return bytes;
}

std::string random_hex(std::size_t bytes) {
  return to_hex(random_bytes(bytes));
}

}  // namespace domed
