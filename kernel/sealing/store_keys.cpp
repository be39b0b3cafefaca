#include "sealing/store_keys.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "domed/error.h"
#include "domed/support/hash.h"

namespace domed {
namespace {

constexpr std::string_view kVersion = "1";
constexpr std::size_t kNonce = 12, kTag = 16, kIdDigits = 16;

std::string id_of(std::string_view key) {
  return sha256_hex("domed store_key:" + std::string(key)).substr(0, kIdDigits);
}

// Where the bytes stand.  The size keeps a job's id, which may have any bytes, apart from the
// field.
std::string place_of(std::string_view key_id, std::string_view job_id, std::string_view field) {
  std::string out("domed:");
  for (const std::string_view part : {kVersion, key_id}) out.append(part).append(":");
  out += std::to_string(job_id.size()) + ":";
  return out.append(job_id).append(field);
}

const std::uint8_t* bytes_in(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}
std::uint8_t* room_in(std::string& text, std::size_t at = 0) {
  return reinterpret_cast<std::uint8_t*>(text.data()) + at;
}

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

// One pass of AES-256-GCM, either way: "context" is given the key, the nonce and the place.
class Cipher {
 public:
  enum class Way { open, seal };

  Cipher(Way way, std::string_view key, std::string_view nonce, std::string_view place)
      : context_(EVP_CIPHER_CTX_new()) {
    int ignored = 0;
    must(context_ && EVP_CipherInit_ex(context_.get(), EVP_aes_256_gcm(), nullptr, bytes_in(key),
                                       bytes_in(nonce), way == Way::seal) == 1);
    must(EVP_CipherUpdate(context_.get(), nullptr, &ignored, bytes_in(place),
                          static_cast<int>(place.size())) == 1);
  }
  // As many as are given.
  std::string turn(std::string_view bytes) {
    std::string out(bytes.size(), '\0');
    int size = 0;
    if (!bytes.empty())
      must(EVP_CipherUpdate(context_.get(), room_in(out), &size, bytes_in(bytes),
                            static_cast<int>(bytes.size())) == 1);
    return out;
  }
  std::string tag() {
    std::string out(kTag, '\0');
    must(end());
    must(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_GCM_GET_TAG, kTag, out.data()) == 1);
    return out;
  }
  bool fits(std::string tag) {
    must(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) == 1);
    return end();
  }

 private:
  bool end() {
    std::uint8_t none[kTag];
    int size = 0;
    return EVP_CipherFinal_ex(context_.get(), none, &size) == 1;
  }
  // No input brings it about: want of memory, or a library without the cipher.
  static void must(bool good) {
    if (!good) throw Error(Code::internal, "OpenSSL refuses AES-256-GCM: is it complete here?");
  }

  std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> context_;
};

// The parts of what is sealed.
struct Parts {
  std::string key_id, nonce, bytes, tag;
};

Parts parts_of(std::string_view sealed) {
  const auto cut = [&] {
    const std::size_t colon = std::min(sealed.find(':'), sealed.size());
    const std::string part(sealed.substr(0, colon));
    sealed.remove_prefix(std::min(colon + 1, sealed.size()));
    return part;
  };
  if (cut() != kVersion)
    throw Error(Code::corruption,
                "it is sealed in a form that this version of domed does not know");
  Parts out;
  out.key_id = cut();
  std::string all;
  const bool is_id = out.key_id.size() == kIdDigits &&
                     out.key_id.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_id || !from_base64(sealed, all) || all.size() < kNonce + kTag)
    throw Error(Code::corruption, "what is sealed is not what was written");
  out.nonce = all.substr(0, kNonce);
  out.bytes = all.substr(kNonce, all.size() - kNonce - kTag);
  out.tag = all.substr(all.size() - kTag);
  return out;
}

// "" where the line is no key.
std::string key_in(std::string line) {
  std::string bytes;
  if (line.size() != 2 * StoreKeys::kBytes)
    return from_base64(line, bytes) && bytes.size() == StoreKeys::kBytes ? bytes : "";
  for (char& c : line)
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  Digest digest;
  if (!from_hex(line, digest)) return "";
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t begin = std::min(line.find_first_not_of(kBlank), line.size());
  return line.substr(begin, line.find_last_not_of(kBlank) + 1 - begin);
}

}  // namespace

StoreKeys StoreKeys::parse(std::string_view text) {
  StoreKeys out;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string line(trimmed(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == '#') continue;
    const auto refuse = [&](const std::string& why) {
      throw Error(Code::invalid_argument, "line " + std::to_string(number) + " " + why);
    };
    Key key{"", key_in(line)};
    if (key.bytes.empty())
      refuse(
          "is no key: 64 hex digits, as 'openssl rand -hex 32' makes them, or base64 of 32 bytes");
    key.id = id_of(key.bytes);
    if (std::find(out.keys_.begin(), out.keys_.end(), key) != out.keys_.end())
      refuse("has a key that is there already");
    if (out.keys_.size() == kMost)
      refuse("has one key too many: " + std::to_string(kMost) + " may be there");
    out.keys_.push_back(std::move(key));
  }
  if (out.empty())
    throw Error(Code::invalid_argument, "there is no key in it: 'openssl rand -hex 32' makes one");
  return out;
}

std::vector<std::string> StoreKeys::ids() const {
  std::vector<std::string> out;
  for (const Key& key : keys_) out.push_back(key.id);
  return out;
}

std::string StoreKeys::seal(std::string_view bytes, std::string_view job_id,
                            std::string_view field) const {
  const Key& key = keys_.at(0);
  const std::string nonce = random_bytes(kNonce);
  Cipher cipher(Cipher::Way::seal, key.bytes, nonce, place_of(key.id, job_id, field));
  std::string all = nonce + cipher.turn(bytes);
  all += cipher.tag();
  return std::string(kVersion) + ":" + key.id + ":" + to_base64(all);
}

std::optional<std::string> StoreKeys::open(std::string_view sealed, std::string_view job_id,
                                           std::string_view field) const {
  const Parts parts = parts_of(sealed);
  const auto key = std::find_if(keys_.begin(), keys_.end(),
                                [&](const Key& one) { return one.id == parts.key_id; });
  if (key == keys_.end()) return std::nullopt;
  Cipher cipher(Cipher::Way::open, key->bytes, parts.nonce, place_of(key->id, job_id, field));
  std::string bytes = cipher.turn(parts.bytes);
  if (!cipher.fits(parts.tag))
    throw Error(Code::corruption, "what is sealed was changed, or stood in another place");
  return bytes;
}

std::string StoreKeys::key_of(std::string_view sealed) {
  return parts_of(sealed).key_id;
}

}  // namespace domed
