#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "yaml/yaml_check.h"

namespace domed {

// A map with known keys.  The getters report what is absent or of the wrong
// type to the Checker and give "fallback" instead, so the reader just goes on.
// A key without fallback is required.
class YamlFields {
 public:
  // "what" names the map in messages ("jobs", empty for the whole file).  Reports
  // unknown keys; an empty "known" allows all.
  YamlFields(Checker& check, const YamlNode& node, std::string what,
             const std::vector<std::string>& known);

  // Null where the key is absent, or where its value was reported already.
  const YamlNode* find(std::string_view key) const;
  const YamlNode* need(std::string_view key) const;
  std::string subject(std::string_view key) const;
  const YamlNode& node() const { return node_; }

  std::string text(std::string_view key) const;
  std::string text(std::string_view key, const std::string& fallback) const;
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max,
                       std::optional<std::int64_t> fallback = {}) const;
  bool boolean(std::string_view key, bool fallback) const;
  std::chrono::milliseconds duration(std::string_view key, std::chrono::milliseconds max,
                                     std::chrono::milliseconds fallback) const;
  std::uint64_t size(std::string_view key, std::uint64_t min, std::uint64_t max,
                     std::uint64_t fallback) const;
  std::string choice(std::string_view key, const std::vector<std::string>& values,
                     const std::string& fallback) const;
  // The items of a list of texts, for their places; empty where it is none.
  std::vector<const YamlNode*> items(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key, std::vector<std::string> fallback) const;

 private:
  const YamlNode* scalar(std::string_view key, const char* type, bool required) const;
  void mismatch(const YamlNode& at, std::string_view key, const std::string& expected) const;

  Checker& check_;
  const YamlNode& node_;
  std::string what_;
};

// "true" or "false".
std::optional<bool> parse_boolean(std::string_view text);
// As parse_duration, in whole milliseconds.
std::optional<std::chrono::milliseconds> parse_milliseconds(std::string_view text);

// How a duration or size would be written: "90s", "1GiB".
std::string write_duration(std::chrono::milliseconds duration);
std::string write_size(std::uint64_t bytes);

}  // namespace domed
