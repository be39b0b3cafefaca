#include "base/note.h"

#include "base/hmac.h"

namespace domed {
namespace {

constexpr const char* kMac = "mac";

// Who wrote the note has to prove that it had the token, whose SHA-256 is "key", without the note
// giving it away: jobs can read the file.
std::string mac_of(const Json& note, const Digest& key) {
  const std::string text = note.dump(-1, ' ', false, Json::error_handler_t::replace);
  return to_hex(hmac_sha256({reinterpret_cast<const char*>(key.data()), key.size()}, text));
}

}  // namespace

Json signed_note(Json note, const std::string& token) {
  note[kMac] = mac_of(note, sha256(token));
  return note;
}

Json read_note(const std::string& text, const std::optional<Digest>& key) {
  Json note = Json::parse(text, nullptr, false);
  // Without a key anybody could sign: a record that has none proves nothing.
  if (!note.is_object() || !note.contains(kMac) || !key) return Json::object();
  const Json mac = std::move(note[kMac]);
  note.erase(kMac);
  return mac == mac_of(note, *key) ? note : Json::object();
}

}  // namespace domed
