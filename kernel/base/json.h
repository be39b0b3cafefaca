#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

// Instantiated once, in json.cpp: a fifth of the whole build's time.
extern template class nlohmann::basic_json<>;
extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace domed {

using Json = nlohmann::json;                 // keys sorted
using OrderedJson = nlohmann::ordered_json;  // keys as written

inline constexpr std::size_t kMaxJsonDepth = 64;

// Checks that "text" is one strict JSON value and returns it with the white
// space outside strings removed; nothing else is changed, so numbers, escapes
// and key order stay as written.  Refused with Error(invalid_argument): anything
// that RFC 8259 refuses, invalid UTF-8, lone surrogates, duplicate keys (compared
// unescaped), numbers beyond a double, nesting deeper than kMaxJsonDepth.
std::string compact_json(std::string_view text);

// Where the value of a member stands in a compact text.
struct JsonMember {
  std::string key;  // unescaped
  std::size_t begin = 0, end = 0;
};
// The same, and where the members of an object are; none of any other value.
std::string compact_json(std::string_view text, std::vector<JsonMember>& members);

// RFC 8785: sorted keys, shortest numbers, minimal escapes.
std::string canonical_json(const Json& value);

// "bytes" as a JSON string literal, quotes included.  They must be UTF-8.
std::string json_string(std::string_view bytes);

bool is_utf8(std::string_view bytes);

// The text, or the number, at "key" of an object; the fallback where there is none, or something
// else.
std::string text_at(const Json& object, const char* key);
std::uint64_t number_at(const Json& object, const char* key, std::uint64_t fallback = 0);

}  // namespace domed
