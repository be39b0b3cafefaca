#include "base/note.h"

#include <nettle/hmac.h>

#include "domed/support/hash.h"

namespace domed {
namespace {

constexpr const char* kMac = "mac";

std::string mac_of(const Json& note, const std::string& token) {
  // Who wrote the note has to prove that it had the token, without the note giving it away: jobs
  // can read the file.
  const Digest key = sha256(token);
  const std::string text = note.dump(-1, ' ', false, Json::error_handler_t::replace);
  hmac_sha256_ctx context;
  hmac_sha256_set_key(&context, key.size(), key.data());
  hmac_sha256_update(&context, text.size(), reinterpret_cast<const std::uint8_t*>(text.data()));
  Digest mac;
  hmac_sha256_digest(&context, mac.size(), mac.data());
  return to_hex(mac);
}

}  // namespace

Json signed_note(Json note, const std::string& token) {
  note[kMac] = mac_of(note, token);
  return note;
}

Json read_note(const std::string& text, const std::string& token) {
  Json note = Json::parse(text, nullptr, false);
  // With an empty token anybody could sign: a record that has none proves nothing.
  if (!note.is_object() || !note.contains(kMac) || token.empty()) return Json::object();
  const Json mac = std::move(note[kMac]);
  note.erase(kMac);
  return mac == mac_of(note, token) ? note : Json::object();
}

}  // namespace domed
