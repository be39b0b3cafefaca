#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "yaml/yaml_fields.h"

namespace domed {

enum class OptionType { string, integer, boolean, duration, size, path, enumeration, list };

// "string", ..., "enum", "list": as a manifest spells them.
const char* to_string(OptionType type);
std::optional<OptionType> parse_option_type(std::string_view text);

// string, path and enum are texts; size is the unsigned integer.
using OptionValue = std::variant<std::string, std::int64_t, bool, std::chrono::milliseconds,
                                 std::uint64_t, std::vector<std::string>>;

// One option as the plugin's manifest declares it.
struct OptionSpec {
  std::string name;
  OptionType type = OptionType::string;
  std::string description;
  bool required = false;
  std::optional<OptionValue> default_value;  // exactly where not required
  bool secret = false;                       // never shown, masked in the log
  std::optional<OptionValue> min, max;       // integer, duration, size
  std::vector<std::string> values;           // enum; or the allowed items of a list
  std::string pattern;                       // string, path and items of a list; matches whole
  std::optional<OptionValue> example;
  std::string deprecated;  // why, and what to use instead; empty: it is not
};

// The value that "node" or "text" gives "spec", checked against type, range,
// values and pattern.  nullopt: it is none, and "problem" says why, without
// showing a secret.  A list in "text" is separated by commas.
std::optional<OptionValue> read_option(const OptionSpec& spec, const YamlNode& node,
                                       std::string& problem);
std::optional<OptionValue> read_option(const OptionSpec& spec, const std::string& text,
                                       std::string& problem);

// Why "pattern" cannot be an option's; empty: it can.
std::string pattern_problem(const std::string& pattern);

// "value" as one line of YAML that reads back as the same value; dollars are
// doubled where "expands", for files in which variables are expanded.
std::string write_option(const OptionValue& value, bool expands = false);

// "duration from 1s to 1h", "one of full, normal": what an option may be.
std::string describe_type(const OptionSpec& spec);

}  // namespace domed
