#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "domed/options.h"
#include "loader/manifest.h"

namespace domed {

// The checked options of one plugin instance.  A plain value.
class OptionValues final : public Options {
 public:
  OptionValues() = default;
  // "values" must hold every option of "manifest", each of its type.
  OptionValues(const Manifest& manifest, std::map<std::string, OptionValue> values);

  std::string text(std::string_view name) const override;
  std::int64_t integer(std::string_view name) const override;
  bool boolean(std::string_view name) const override;
  std::chrono::milliseconds duration(std::string_view name) const override;
  std::uint64_t size(std::string_view name) const override;
  std::vector<std::string> list(std::string_view name) const override;

  // Of an option that there is, whatever its type.
  const OptionValue& value(std::string_view name) const { return values_.find(name)->second; }

  // The texts that no log may show: values of options declared secret.
  const std::vector<std::string>& secrets() const { return secrets_; }

 private:
  template <class T>
  const T& get(std::string_view name, const char* wanted) const;

  std::string plugin_;
  std::map<std::string, OptionType, std::less<>> types_;
  std::map<std::string, OptionValue, std::less<>> values_;
  std::vector<std::string> secrets_;
};

// Checks the "options" map of a deployment against "manifest"; null: none given.
// Problems go to "check", at "owner" where an option is missing.  Relative "path"
// options are taken below "base".  The result is good only while check.ok().
OptionValues check_options(const Manifest& manifest, const YamlNode* options, const YamlNode& owner,
                           const std::filesystem::path& base, Checker& check);

// The same from texts, for programs: lists are separated by commas.  Throws
// Error(invalid_argument) with every problem, one a line.
OptionValues make_options(const Manifest& manifest,
                          const std::map<std::string, std::string>& values,
                          const std::filesystem::path& base);

}  // namespace domed
