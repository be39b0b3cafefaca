#include "loader/options.h"

#include "domed/error.h"

namespace domed {
namespace {

void make_absolute(const OptionSpec& spec, OptionValue& value, const std::filesystem::path& base) {
  if (spec.type != OptionType::path) return;
  // An empty one stays empty: it would become "base" itself, which nobody has named.
  auto& text = std::get<std::string>(value);
  if (!text.empty()) text = (std::filesystem::absolute(base) / text).lexically_normal().string();
}

std::string unknown(const Manifest& manifest, const std::string& name) {
  return manifest.name + " has no option " + in_quotes(name) +
         did_you_mean(name, manifest.option_names());
}

std::string missing(const Manifest& manifest, const OptionSpec& spec) {
  return manifest.name + " needs the option " + in_quotes(spec.name) + " (" + describe_type(spec) +
         "): " + spec.description;
}

}  // namespace

OptionValues::OptionValues(const Manifest& manifest, std::map<std::string, OptionValue> values)
    : plugin_(manifest.name) {
  for (const auto& spec : manifest.options) {
    types_[spec.name] = spec.type;
    auto& value = values.at(spec.name);
    if (spec.secret) {
      if (const auto* items = std::get_if<std::vector<std::string>>(&value))
        secrets_.insert(secrets_.end(), items->begin(), items->end());
      else if (const auto* text = std::get_if<std::string>(&value))
        secrets_.push_back(*text);
      else
        secrets_.push_back(write_option(value));
    }
    values_[spec.name] = std::move(value);
  }
  std::erase(secrets_, "");
}

template <class T>
const T& OptionValues::get(std::string_view name, const char* wanted) const {
  const auto found = values_.find(name);
  if (found == values_.end())
    // internal, here and below: the mistake is in the plugin, and no deployment can mend it.
    throw Error(Code::internal, plugin_ + " asks for the option " + in_quotes(name) +
                                    ", which its manifest does not declare");
  if (const T* value = std::get_if<T>(&found->second)) return *value;
  throw Error(Code::internal, plugin_ + " asks for the option " + in_quotes(name) + " as " +
                                  wanted + ", its manifest declares " +
                                  to_string(types_.find(name)->second));
}

std::string OptionValues::text(std::string_view name) const {
  return get<std::string>(name, "text");
}
std::int64_t OptionValues::integer(std::string_view name) const {
  return get<std::int64_t>(name, "integer");
}
bool OptionValues::boolean(std::string_view name) const {
  return get<bool>(name, "boolean");
}
std::chrono::milliseconds OptionValues::duration(std::string_view name) const {
  return get<std::chrono::milliseconds>(name, "duration");
}
std::uint64_t OptionValues::size(std::string_view name) const {
  return get<std::uint64_t>(name, "size");
}
std::vector<std::string> OptionValues::list(std::string_view name) const {
  return get<std::vector<std::string>>(name, "list");
}

OptionValues check_options(const Manifest& manifest, const YamlNode* options, const YamlNode& owner,
                           const std::filesystem::path& base, Checker& check) {
  static const YamlNode kNone;
  const YamlFields fields(check, options ? *options : kNone, "options of " + manifest.name, {});
  for (const auto& key : fields.node().keys)
    if (!manifest.option(key.text)) check.fail(key, unknown(manifest, key.text));
  std::map<std::string, OptionValue> values;
  for (const auto& spec : manifest.options) {
    // A place for each, be it missing or wrong: reading goes on to find all problems of one run,
    // and the constructor needs every option. Nobody gets to see the values where there were
    // problems.
    OptionValue& value = values[spec.name];
    if (spec.default_value) value = *spec.default_value;
    const YamlNode* node = fields.node().find(spec.name);
    std::string problem;
    if (!node) {
      if (spec.required) check.fail(options ? *options : owner, missing(manifest, spec));
    } else if (!node->bad) {
      if (auto given = read_option(spec, *node, problem)) value = std::move(*given);
      if (!problem.empty())
        check.fail(*node, manifest.name + ": " + in_quotes(spec.name) + " " + problem);
      if (!spec.deprecated.empty())
        check.warn(*node, manifest.name + ": " + in_quotes(spec.name) +
                              " is deprecated: " + spec.deprecated);
    }
    if (std::holds_alternative<std::string>(value)) make_absolute(spec, value, base);
  }
  return {manifest, std::move(values)};
}

OptionValues make_options(const Manifest& manifest,
                          const std::map<std::string, std::string>& values,
                          const std::filesystem::path& base) {
  std::string problems;
  const auto fail = [&](const std::string& text) {
    problems += (problems.empty() ? "" : "\n") + text;
  };
  for (const auto& [name, text] : values)
    if (!manifest.option(name)) fail(unknown(manifest, name));
  std::map<std::string, OptionValue> out;
  for (const auto& spec : manifest.options) {
    const auto given = values.find(spec.name);
    std::string problem;
    std::optional<OptionValue> value = spec.default_value;
    if (given != values.end()) value = read_option(spec, given->second, problem);
    if (!problem.empty())
      fail(manifest.name + ": " + in_quotes(spec.name) + " " + problem);
    else if (!value)
      fail(missing(manifest, spec));
    if (!value) continue;
    make_absolute(spec, *value, base);
    out[spec.name] = std::move(*value);
  }
  if (!problems.empty()) throw Error(Code::invalid_argument, problems);
  return {manifest, std::move(out)};
}

}  // namespace domed
