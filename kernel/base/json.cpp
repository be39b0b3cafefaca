#include "base/json.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <set>
#include <vector>

#include "domed/error.h"

// The counterpart of "extern template" in the header.
template class nlohmann::basic_json<>;
template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace domed {
namespace {

namespace od = simdjson::ondemand;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Code::invalid_argument, "not acceptable JSON: " + why);
}

template <class T>
T must(simdjson::simdjson_result<T>&& result) {
  if (const auto error = result.error()) refuse(simdjson::error_message(error));
  return std::forward<simdjson::simdjson_result<T>>(result).value_unsafe();
}

// simdjson lets a lone low surrogate through; "raw" is the literal's inside.
void refuse_lone_surrogates(std::string_view raw) {
  bool high = false;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      if (high) refuse("a lone surrogate in a string");
      continue;
    }
    const bool escape_u = raw[++i] == 'u';
    const unsigned unit = escape_u ? static_cast<unsigned>(std::strtoul(
                                         std::string(raw.substr(i + 1, 4)).c_str(), nullptr, 16))
                                   : 0;
    const bool low = unit >= 0xdc00 && unit < 0xe000;
    if (high != low) refuse("a lone surrogate in a string");
    high = unit >= 0xd800 && unit < 0xdc00;
    if (escape_u) i += 4;
  }
  if (high) refuse("a lone surrogate in a string");
}

// Walks the whole value, because On-Demand checks only what is looked at.
class Walker {
 public:
  // The members of the outermost object.
  struct Member {
    std::string_view key;  // unescaped; it lives in the parser
    const char *begin, *end;
  };

  // Throws Error as compact_json() does.  "members" are looked for only where it is not null.
  static void check(od::document& document, std::vector<Member>* members) {
    Walker walker;
    walker.document_ = members ? &document : nullptr;
    walker.members_ = members;
    walker.value(document, 1);
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
      refuse("something follows the value");
  }

 private:
  template <class Value>
  void value(Value& v, std::size_t depth) {
    if (depth > kMaxJsonDepth)
      refuse("nested deeper than " + std::to_string(kMaxJsonDepth) + " levels");
    switch (must(v.type())) {
      case od::json_type::object:
        object(must(v.get_object()), depth);
        break;
      case od::json_type::array:
        for (auto item : must(v.get_array())) {
          od::value inner = must(std::move(item));
          value(inner, depth + 1);
        }
        break;
      case od::json_type::string:
        string(must(v.get_raw_json_string()), v);
        break;
      case od::json_type::number:
        must(v.get_double());
        break;
      case od::json_type::boolean:
        must(v.get_bool());
        break;
      case od::json_type::null:
        if (!must(v.is_null())) refuse("a misspelt null");
        break;
    }
  }

  template <class Value>
  void string(od::raw_json_string raw, Value& v) {
    check_escapes(raw);
    must(v.get_string());
  }

  static void check_escapes(od::raw_json_string raw) {
    const char* begin = raw.raw();
    // Most strings hold no escape, and one search settles those.  It finds an end: simdjson's first
    // stage has refused strings that are not closed.  Where the quote found is itself escaped a
    // backslash stands before it, and the slow way finds the right one.
    const char* end = static_cast<const char*>(rawmemchr(begin, '"'));
    if (!std::memchr(begin, '\\', static_cast<std::size_t>(end - begin))) return;
    for (end = begin; *end != '"'; ++end)
      if (*end == '\\') ++end;
    refuse_lone_surrogates({begin, static_cast<std::size_t>(end - begin)});
  }

  void object(od::object o, std::size_t depth) {
    // Sorted at the end and not kept in a set: a payload has a few keys, and this allocates nothing
    // once "keys_" has grown.
    const auto base = static_cast<std::ptrdiff_t>(keys_.size());
    for (auto item : o) {
      od::field field = must(std::move(item));
      check_escapes(field.key());
      keys_.push_back(must(field.unescaped_key()));
      od::value inner = field.value();
      const bool notes = depth == 1 && members_;
      const char* begin = notes ? must(document_->current_location()) : nullptr;
      value(inner, depth + 1);
      if (notes) members_->push_back({keys_.back(), begin, must(document_->current_location())});
    }
    std::sort(keys_.begin() + base, keys_.end());
    const auto twice = std::adjacent_find(keys_.begin() + base, keys_.end());
    if (twice != keys_.end()) refuse("duplicate key '" + std::string(*twice) + "'");
    keys_.resize(static_cast<std::size_t>(base));
  }

  // Of the objects that are open, the innermost one's last; they live in the parser.
  std::vector<std::string_view> keys_;
  od::document* document_ = nullptr;
  std::vector<Member>* members_ = nullptr;
};

// A double as ECMAScript writes it (RFC 8785, 3.2.2.3).
std::string canonical_number(double value) {
  if (value == 0) return "0";
  char text[40];
  const auto result =
      std::to_chars(text, text + sizeof text, std::abs(value), std::chars_format::scientific);
  const std::string_view shortest(text, static_cast<std::size_t>(result.ptr - text));
  const std::size_t e = shortest.find('e');
  std::string digits(1, shortest[0]);
  if (e > 2) digits += shortest.substr(2, e - 2);
  // The digits and where their point stands are the shortest that give the same double (to_chars
  // promises that, as ECMAScript demands); what follows only decides how they are written.
  const int point = std::atoi(std::string(shortest.substr(e + 1)).c_str()) + 1;
  const int count = static_cast<int>(digits.size());
  std::string out = value < 0 ? "-" : "";
  if (point > 21 || point < -5) {
    out += digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    out += (point > 0 ? "e+" : "e-") + std::to_string(std::abs(point - 1));
  } else if (point <= 0) {
    out += "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  } else if (point >= count) {
    out += digits + std::string(static_cast<std::size_t>(point - count), '0');
  } else {
    out += digits.substr(0, static_cast<std::size_t>(point)) + "." +
           digits.substr(static_cast<std::size_t>(point));
  }
  return out;
}

// RFC 8785 sorts by UTF-16 code units, which differs from byte order only
// where a surrogate pair meets U+E000..U+FFFF.
bool utf16_less(const std::string& a, const std::string& b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() || y == b.end()) return x == a.end() && y != b.end();
  const auto weight = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0xf0 ? 0xed * 2 + 1 : byte * 2;  // a pair begins with 0xd800..0xdbff
  };
  const int wx = weight(*x), wy = weight(*y);
  if (wx != wy) return wx < wy;
  return static_cast<unsigned char>(*x) < static_cast<unsigned char>(*y);
}

void canonical(const Json& value, std::string& out) {
  if (value.is_object()) {
    std::vector<std::string> keys;
    for (const auto& item : value.items()) keys.push_back(item.key());
    std::sort(keys.begin(), keys.end(), utf16_less);
    out += '{';
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (i) out += ',';
      out += json_string(keys[i]) + ':';
      canonical(value.at(keys[i]), out);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i) out += ',';
      canonical(value[i], out);
    }
    out += ']';
  } else if (value.is_number()) {
    // RFC 8785 knows doubles alone: 2^53 and 2^53 + 1 are one number to it, so that two requests
    // which differ in that are the same request (IdempotentSubmit).
    out += canonical_number(value.get<double>());
  } else {
    out += value.dump();
  }
}

}  // namespace

namespace {

// Two passes over the bytes, one that refuses and one that removes white space.  To write the value
// anew from a tree would be one, and would change numbers, escapes and the order of keys: a payload
// is kept as its producer wrote it (Immutable), and the digest is of those bytes (Digest).
std::string compact(std::string_view text, std::vector<Walker::Member>* members) {
  // The parser keeps its buffers, which are as large as the largest text so far; a request has at
  // most 1 MiB.
  thread_local od::parser parser;
  std::string out(text.size() + simdjson::SIMDJSON_PADDING, '\0');
  std::size_t length = 0;
  std::string padded;
  padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  padded = text;
  if (const auto error = simdjson::minify(padded.data(), padded.size(), out.data(), length)) {
    // Why, the parser tells better; where it has no reason, this one is as good.
    od::document document = must(parser.iterate(padded));
    Walker::check(document, nullptr);
    refuse(simdjson::error_message(error));
  }
  out.resize(length);
  // White space can part what is no JSON without it, so that the text is checked as it came.  What
  // had none is its own compact form, and is not looked at twice.
  if (length < text.size()) {
    od::document document = must(parser.iterate(padded));
    Walker::check(document, nullptr);
    if (!members) return out;
  }
  od::document document = must(parser.iterate(out));
  Walker::check(document, members);
  return out;
}

}  // namespace

std::string compact_json(std::string_view text) {
  return compact(text, nullptr);
}

std::string compact_json(std::string_view text, std::vector<JsonMember>& members) {
  std::vector<Walker::Member> found;
  std::string out = compact(text, &found);
  members.clear();
  for (const auto& member : found)
    members.push_back({std::string(member.key), static_cast<std::size_t>(member.begin - out.data()),
                       static_cast<std::size_t>(member.end - out.data())});
  return out;
}

std::string canonical_json(const Json& value) {
  std::string out;
  canonical(value, out);
  return out;
}

// Most have nothing that would be written otherwise.
std::string json_string(std::string_view bytes) {
  const bool is_plain = std::all_of(bytes.begin(), bytes.end(), [](unsigned char c) {
    return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
  });
  if (!is_plain) return Json(bytes).dump();
  std::string out;
  out.reserve(bytes.size() + 2);
  ((out += '"') += bytes) += '"';
  return out;
}

bool is_utf8(std::string_view bytes) {
  return simdjson::validate_utf8(bytes);
}

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::uint64_t number_at(const Json& object, const char* key, std::uint64_t fallback) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>()
                                                              : fallback;
}

}  // namespace domed
