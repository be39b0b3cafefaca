#include "provenance/merge.h"

#include <algorithm>

namespace domed {
namespace {

constexpr std::size_t kMaxReason = 1024;
constexpr std::string_view kSuffix = "_reason";

std::string reason_key(const std::string& key) {
  return key + std::string(kSuffix);
}

std::string reason_of(const Json& object, const std::string& key) {
  const auto found = object.find(reason_key(key));
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

void put(Json& object, const std::string& key, const Json& value, const std::string& reason) {
  object[key] = value;
  // A reason stands beside its field and nowhere else: one that was left over from an earlier value
  // would explain what is known.
  if (reason.empty())
    object.erase(reason_key(key));
  else
    object[reason_key(key)] = reason_text(reason);
}

Json honest_items(const Json& list, const std::string& source) {
  Json out = Json::array();
  for (const auto& item : list) out.push_back(item.is_object() ? honest(item, source) : item);
  return out;
}

}  // namespace

bool is_unknown(const Json& value) {
  return value == "unknown";
}

bool is_reason(std::string_view key) {
  return key.ends_with(kSuffix);
}

std::string reason_text(std::string_view text) {
  std::string out(text.substr(0, std::min(text.size(), kMaxReason)));
  if (text.size() > kMaxReason) {
    // Half a character at the end would make all of the text invalid, and then all that is not
    // ASCII in it a "?".
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80) out.pop_back();
    if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0) out.pop_back();
    out += "...";
  }
  const bool utf8 = is_utf8(out);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
    if (byte >= 0x80 && !utf8) c = '?';
  }
  return out.empty() ? "no reason was given" : out;
}

void put_unknown(Json& object, const std::string& key, const std::string& reason) {
  put(object, key, "unknown", reason_text(reason));
}

void put_text(Json& object, const std::string& key, const std::string& value,
              const std::string& reason) {
  value.empty() ? put_unknown(object, key, reason) : put(object, key, value, "");
}

Json honest(const Json& found, const std::string& source) {
  Json out = Json::object();
  for (const auto& [key, value] : found.items()) {
    if (is_reason(key)) continue;
    const std::string reason = reason_of(found, key);
    // Empty is how plugins forget to say that they do not know; a record that held it would look
    // like an answer (docs/provenance.md: known, or unknown with a reason).
    if (value.is_null() || value == "")
      put_unknown(out, key, reason.empty() ? source + " left it empty" : reason);
    else if (is_unknown(value))
      put_unknown(out, key, reason.empty() ? source + " does not say why" : reason);
    else if (value.is_object())
      put(out, key, honest(value, source), reason);
    else
      put(out, key, value.is_array() ? honest_items(value, source) : value, reason);
  }
  return out;
}

void merge(Json& object, const Json& more) {
  for (const auto& [key, value] : more.items()) {
    if (is_reason(key)) continue;
    const auto mine = object.find(key);
    // The first who knows is believed, in the deployment's order; a later one only fills what
    // nobody before it knew.
    if (mine == object.end() || (is_unknown(*mine) && !is_unknown(value)))
      put(object, key, value, reason_of(more, key));
    else if (mine->is_object() && value.is_object())
      merge(*mine, value);
  }
}

}  // namespace domed
