#include "yaml/yaml_fields.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/units.h"

namespace domed {
namespace {

template <std::size_t N>
std::string in_units(std::uint64_t value, const std::pair<std::uint64_t, const char*> (&units)[N]) {
  for (const auto& [factor, name] : units)
    if (value >= factor && value % factor == 0) return std::to_string(value / factor) + name;
  return std::to_string(value) + units[N - 1].second;
}

}  // namespace

YamlFields::YamlFields(Checker& check, const YamlNode& node, std::string what,
                       const std::vector<std::string>& known)
    : check_(check), node_(node), what_(std::move(what)) {
  check_.reads(what_, known);
  // "jobs:" with nothing behind it is a section with nothing in it, as people write it when they
  // comment its lines out.
  if (node.bad || node.kind == YamlNode::Kind::null) return;
  if (node.kind != YamlNode::Kind::map) {
    check_.fail(node, (what_.empty() ? "the file" : what_) + " must be a map (key: value)");
    return;
  }
  if (known.empty()) return;
  for (const auto& key : node.keys)
    if (std::find(known.begin(), known.end(), key.text) == known.end())
      check_.fail(key, "unknown key " + in_quotes(key.text) +
                           (what_.empty() ? "" : " in " + what_) + did_you_mean(key.text, known));
}

const YamlNode* YamlFields::find(std::string_view key) const {
  const YamlNode* found = node_.find(key);
  return found && found->bad ? nullptr : found;
}

const YamlNode* YamlFields::need(std::string_view key) const {
  const YamlNode* found = node_.find(key);
  // Where there is no map at all that was said already, and each missing key once more would bury
  // it.
  const bool readable = node_.kind == YamlNode::Kind::map || node_.kind == YamlNode::Kind::null;
  if (!found && readable && !node_.bad)
    check_.fail(node_, (what_.empty() ? "" : what_ + ": ") + "missing key " + in_quotes(key));
  return found && found->bad ? nullptr : found;
}

std::string YamlFields::subject(std::string_view key) const {
  return what_.empty() ? std::string(key) : what_ + "." + std::string(key);
}

void YamlFields::mismatch(const YamlNode& at, std::string_view key,
                          const std::string& expected) const {
  static constexpr const char* kKinds[] = {"nothing", "", "a list", "a map"};
  const std::string found = at.kind == YamlNode::Kind::scalar
                                ? in_quotes(at.text)
                                : kKinds[static_cast<std::size_t>(at.kind)];
  check_.fail(at, subject(key) + " must be " + expected + ", is " + found);
}

const YamlNode* YamlFields::scalar(std::string_view key, const char* type, bool required) const {
  const YamlNode* found = required ? need(key) : find(key);
  if (!found || found->kind == YamlNode::Kind::scalar) return found;
  mismatch(*found, key, type);
  return nullptr;
}

std::string YamlFields::text(std::string_view key) const {
  const YamlNode* found = scalar(key, "text", true);
  if (found && found->text.empty()) check_.fail(*found, subject(key) + " must not be empty");
  return found ? found->text : "";
}

std::string YamlFields::text(std::string_view key, const std::string& fallback) const {
  const YamlNode* found = scalar(key, "text", false);
  return found ? found->text : fallback;
}

std::int64_t YamlFields::integer(std::string_view key, std::int64_t min, std::int64_t max,
                                 std::optional<std::int64_t> fallback) const {
  // What cannot be used is reported, and the reader gets a value that can: it goes on, and the
  // problems behind this one are found in the same run.
  const YamlNode* found = scalar(key, "an integer", !fallback);
  if (!found) return fallback.value_or(min);
  const auto value = parse_integer(found->text);
  if (value && *value >= min && *value <= max) return *value;
  mismatch(*found, key, "an integer from " + std::to_string(min) + " to " + std::to_string(max));
  return fallback.value_or(min);
}

bool YamlFields::boolean(std::string_view key, bool fallback) const {
  // Nor "yes" and "on": the same word means a text elsewhere, depending on the version of YAML.
  const YamlNode* found = scalar(key, "true or false", false);
  if (!found) return fallback;
  const auto value = parse_boolean(found->text);
  if (!value) mismatch(*found, key, "true or false");
  return value.value_or(fallback);
}

std::chrono::milliseconds YamlFields::duration(std::string_view key, std::chrono::milliseconds max,
                                               std::chrono::milliseconds fallback) const {
  const YamlNode* found = scalar(key, "a duration such as 1500ms, 2s, 5m, 1h or 30d", false);
  if (!found) return fallback;
  const auto value = parse_milliseconds(found->text);
  if (value && *value <= max) return *value;
  mismatch(*found, key,
           "a duration such as 1500ms, 2s, 5m, 1h or 30d, at most " + write_duration(max));
  return fallback;
}

std::uint64_t YamlFields::size(std::string_view key, std::uint64_t min, std::uint64_t max,
                               std::uint64_t fallback) const {
  const YamlNode* found = scalar(key, "a size such as 64KiB, 10MiB or 1GiB", false);
  if (!found) return fallback;
  const auto value = parse_size(found->text);
  if (value && *value >= min && *value <= max) return *value;
  mismatch(
      *found, key,
      "a size such as 64KiB, 10MiB or 1GiB, from " + write_size(min) + " to " + write_size(max));
  return fallback;
}

std::string YamlFields::choice(std::string_view key, const std::vector<std::string>& values,
                               const std::string& fallback) const {
  const YamlNode* found = scalar(key, "text", false);
  if (!found) return fallback;
  if (std::find(values.begin(), values.end(), found->text) != values.end()) return found->text;
  std::string list;
  for (const auto& value : values) list += (list.empty() ? "" : ", ") + value;
  check_.fail(*found, subject(key) + " must be one of " + list + ", is " + in_quotes(found->text) +
                          did_you_mean(found->text, values));
  return fallback;
}

std::vector<const YamlNode*> YamlFields::items(std::string_view key) const {
  std::vector<const YamlNode*> out;
  const YamlNode* found = find(key);
  if (!found || found->kind == YamlNode::Kind::null) return out;
  if (found->kind != YamlNode::Kind::list) {
    mismatch(*found, key, "a list of texts, as in [a, b]");
    return out;
  }
  for (const auto& item : found->items) {
    if (item.bad) continue;
    if (item.kind == YamlNode::Kind::scalar)
      out.push_back(&item);
    else
      mismatch(item, key, "a list of texts, as in [a, b]; this item");
  }
  return out;
}

std::vector<std::string> YamlFields::texts(std::string_view key,
                                           std::vector<std::string> fallback) const {
  if (!find(key)) return fallback;
  std::vector<std::string> out;
  for (const YamlNode* item : items(key)) out.push_back(item->text);
  return out;
}

std::optional<bool> parse_boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_milliseconds(std::string_view text) {
  const auto value = parse_duration(text);
  // Refused rather than rounded: what a deployment says is what holds.
  if (!value || value->count() % 1000 != 0) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(*value);
}

std::string write_duration(std::chrono::milliseconds duration) {
  static constexpr std::pair<std::uint64_t, const char*> kUnits[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}, {1, "ms"}};
  return in_units(static_cast<std::uint64_t>(duration.count()), kUnits);
}

std::string write_size(std::uint64_t bytes) {
  static constexpr std::pair<std::uint64_t, const char*> kUnits[] = {
      {std::uint64_t{1} << 40, "TiB"},
      {std::uint64_t{1} << 30, "GiB"},
      {std::uint64_t{1} << 20, "MiB"},
      {std::uint64_t{1} << 10, "KiB"},
      {1, "B"}};
  return in_units(bytes, kUnits);
}

}  // namespace domed
