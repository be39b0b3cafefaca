#include "loader/option_spec.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/pattern.h"
#include "base/units.h"

namespace domed {
namespace {

// In the order of OptionType, as the words in describe_type() are.
constexpr std::array<const char*, 8> kTypes{"string", "integer", "boolean", "duration",
                                            "size",   "path",    "enum",    "list"};

std::string join(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

std::optional<OptionValue> convert(const OptionSpec& spec, const std::string& text) {
  const auto wrap = [](auto&& value) {
    return value ? std::optional<OptionValue>(*value) : std::nullopt;
  };
  switch (spec.type) {
    case OptionType::integer:
      return wrap(parse_integer(text));
    case OptionType::boolean:
      return wrap(parse_boolean(text));
    case OptionType::duration:
      return wrap(parse_milliseconds(text));
    case OptionType::size:
      return wrap(parse_size(text));
    default:
      return text;
  }
}

bool in_values(const OptionSpec& spec, const std::string& text) {
  return spec.values.empty() ||
         std::find(spec.values.begin(), spec.values.end(), text) != spec.values.end();
}

bool in_pattern(const OptionSpec& spec, const std::string& text) {
  if (spec.pattern.empty()) return true;
  return matches(spec.pattern, text);
}

// Bounds and value were read by one type, so that comparing the variants compares what they hold.
bool acceptable(const OptionSpec& spec, const std::optional<OptionValue>& value,
                const std::string& text) {
  if (!value || (spec.min && *value < *spec.min) || (spec.max && *value > *spec.max)) return false;
  return in_values(spec, text) && in_pattern(spec, text);
}

std::string must_be(const OptionSpec& spec, const std::string& found) {
  return "must be " + describe_type(spec) + ", is " + found;
}

std::string shown(const OptionSpec& spec, const std::string& text) {
  return spec.secret ? "something else (not shown: it is secret)" : in_quotes(text);
}

std::optional<OptionValue> read_list(const OptionSpec& spec, std::vector<std::string> items,
                                     std::string& problem) {
  for (const auto& item : items)
    if (!in_values(spec, item) || !in_pattern(spec, item)) {
      problem = must_be(spec, shown(spec, item));
      return std::nullopt;
    }
  return items;
}

// "" has no items; "a," has two, the second of them empty.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; !text.empty() && at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    out.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return out;
}

// Plain where no reader can take it for anything but this text.
std::string write_text(const std::string& text, bool expands) {
  const bool plain = !text.empty() && text != "null" && text[0] != '-' && text[0] != '.' &&
                     std::all_of(text.begin(), text.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '_' ||
                              c == '-';
                     });
  if (plain && text != "NULL" && text != "Null") return text;
  std::string out;
  for (const char c : text) out += expands && c == '$' ? "$$" : std::string(1, c);
  return json_string(out);
}

}  // namespace

std::string pattern_problem(const std::string& pattern) {
  try {
    compile_pattern(pattern);
    return "";
  } catch (const std::regex_error& e) {
    return e.what();
  }
}

const char* to_string(OptionType type) {
  return kTypes[static_cast<std::size_t>(type)];
}

std::optional<OptionType> parse_option_type(std::string_view text) {
  const auto found = std::find(kTypes.begin(), kTypes.end(), text);
  if (found == kTypes.end()) return std::nullopt;
  return static_cast<OptionType>(found - kTypes.begin());
}

std::optional<OptionValue> read_option(const OptionSpec& spec, const YamlNode& node,
                                       std::string& problem) {
  if (spec.type == OptionType::list && node.kind == YamlNode::Kind::list) {
    std::vector<std::string> items;
    for (const auto& item : node.items) {
      if (item.kind != YamlNode::Kind::scalar) {
        problem = must_be(spec, "a list that holds something else");
        return std::nullopt;
      }
      items.push_back(item.text);
    }
    return read_list(spec, std::move(items), problem);
  }
  if (spec.type != OptionType::list && node.kind == YamlNode::Kind::scalar)
    return read_option(spec, node.text, problem);
  problem = must_be(spec, node.kind == YamlNode::Kind::null     ? "nothing"
                          : node.kind == YamlNode::Kind::scalar ? shown(spec, node.text)
                          : node.kind == YamlNode::Kind::list   ? "a list"
                                                                : "a map");
  return std::nullopt;
}

std::optional<OptionValue> read_option(const OptionSpec& spec, const std::string& text,
                                       std::string& problem) {
  if (spec.type == OptionType::list) return read_list(spec, split(text), problem);
  auto value = convert(spec, text);
  if (acceptable(spec, value, text)) return value;
  problem = must_be(spec, shown(spec, text));
  if (!spec.secret) problem += did_you_mean(text, spec.values);
  return std::nullopt;
}

std::string write_option(const OptionValue& value, bool expands) {
  struct Writer {
    bool expands;
    std::string operator()(const std::string& v) const { return write_text(v, expands); }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::chrono::milliseconds v) const { return write_duration(v); }
    std::string operator()(std::uint64_t v) const { return write_size(v); }
    std::string operator()(const std::vector<std::string>& v) const {
      std::vector<std::string> items;
      for (const auto& item : v) items.push_back(write_text(item, expands));
      return "[" + join(items) + "]";
    }
  };
  return std::visit(Writer{expands}, value);
}

std::string describe_type(const OptionSpec& spec) {
  static constexpr std::array<const char*, 8> kWords{"text",
                                                     "an integer",
                                                     "true or false",
                                                     "a duration (such as 1500ms, 2s, 1h)",
                                                     "a size (such as 64KiB)",
                                                     "a path",
                                                     "one of ",
                                                     "a list of texts"};
  std::string out = kWords[static_cast<std::size_t>(spec.type)];
  if (spec.type == OptionType::enumeration)
    out += join(spec.values);
  else if (!spec.values.empty())
    out += " out of " + join(spec.values);
  if (spec.min)
    out += spec.max ? " from " + write_option(*spec.min) : ", at least " + write_option(*spec.min);
  if (spec.max) out += (spec.min ? " to " : ", at most ") + write_option(*spec.max);
  if (!spec.pattern.empty()) out += " matching " + spec.pattern;
  return out;
}

}  // namespace domed
