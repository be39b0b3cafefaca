#include "loader/manifest.h"

#include <algorithm>
#include <limits>
#include <regex>

#include "domed/error.h"
#include "domed/plugin.h"

namespace domed {
namespace {

const std::vector<std::string> kKinds{"store", "provenance"};

// Shown, and compared with the library's as a text. Nothing here asks which of two is newer: that
// is what the ABI is for.
bool is_version(const std::string& text) {
  static const std::regex kVersion(R"(\d+(\.\d+){0,3}([-+][0-9A-Za-z.+-]{1,64})?)");
  return text.size() <= 100 && std::regex_match(text, kVersion);
}

bool is_option_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text[0] >= 'a' && text[0] <= 'z' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

// Reads one entry of "options".
class OptionReader {
 public:
  OptionReader(Checker& check, const YamlNode& key, const YamlNode& node)
      : check_(check), key_(key), fields_(check, node, "option " + in_quotes(key.text), kKeys) {
    spec_.name = key.text;
  }

  OptionSpec run() {
    if (!is_option_name(key_.text))
      check_.fail(key_, "option " + in_quotes(key_.text) +
                            ": a name is lower-case letters, digits and _, a letter first");
    // In this order: the type says what all others may be, and by "values", "pattern" and the range
    // example and default are checked like anything that a deployment gives.
    read_type();
    spec_.description = fields_.text("description");
    spec_.required = fields_.boolean("required", false);
    spec_.secret = fields_.boolean("secret", false);
    read_values();
    read_pattern();
    read_range();
    spec_.example = value("example");
    spec_.default_value = value("default");
    read_deprecated();
    // So every option has a value in the end, and no plugin has to ask whether one was given.
    if (spec_.required == (fields_.node().find("default") != nullptr))
      check_.fail(key_, "option " + in_quotes(key_.text) +
                            " needs exactly one of 'default' and 'required: true'");
    return std::move(spec_);
  }

 private:
  static inline const std::vector<std::string> kKeys{
      "type", "description", "default", "required", "secret",    "min",
      "max",  "values",      "pattern", "example",  "deprecated"};

  void fail(const YamlNode& at, const std::string& text) {
    check_.fail(at, "option " + in_quotes(key_.text) + ": " + text);
  }

  void read_type() {
    const std::string text = fields_.text("type");
    const auto type = parse_option_type(text);
    typed_ = type.has_value();
    if (type) spec_.type = *type;
    if (!type && !text.empty())
      fail(*fields_.find("type"),
           "unknown type " + in_quotes(text) +
               "; a type is one of string, integer, boolean, duration, size, path, enum, list");
  }

  void read_values() {
    spec_.values = fields_.texts("values", {});
    if (!typed_) return;
    if (spec_.type == OptionType::enumeration) {
      if (spec_.values.empty()) fail(key_, "an enum needs 'values', a list of what it may be");
    } else if (const YamlNode* at = fields_.find("values"); at && spec_.type != OptionType::list) {
      fail(*at, std::string("'values' does not go with type ") + to_string(spec_.type));
    }
  }

  void read_pattern() {
    spec_.pattern = fields_.text("pattern", "");
    if (spec_.pattern.empty() || !typed_) return;
    const YamlNode& at = *fields_.find("pattern");
    if (spec_.type != OptionType::string && spec_.type != OptionType::path &&
        spec_.type != OptionType::list)
      fail(at, std::string("'pattern' does not go with type ") + to_string(spec_.type));
    const std::string why = pattern_problem(spec_.pattern);
    if (why.empty()) return;
    fail(at, "'pattern' is not an ECMAScript regular expression: " + why);
    // Matching a value against it would throw.
    spec_.pattern.clear();
  }

  void read_range() {
    const bool numeric = spec_.type == OptionType::integer || spec_.type == OptionType::duration ||
                         spec_.type == OptionType::size;
    for (const auto* key : {"min", "max"})
      if (const YamlNode* at = fields_.find(key); at && typed_ && !numeric)
        return fail(*at,
                    "'" + std::string(key) + "' does not go with type " + to_string(spec_.type));
    const auto min = value("min"), max = value("max");
    if (min && max && *min > *max) return fail(*fields_.find("min"), "'min' is above 'max'");
    // Only now that both are read: a "max" below "min" is to be told as that, and not as a value
    // that is out of its range.
    spec_.min = min, spec_.max = max;
  }

  void read_deprecated() {
    const std::string text = fields_.text("deprecated", "");
    // What is asked for is a reason, but who writes a boolean is understood.
    if (text != "false") spec_.deprecated = text == "true" ? "it will go away" : text;
  }

  // A value given in the manifest is checked like one given in a deployment.
  std::optional<OptionValue> value(const char* key) {
    const YamlNode* at = fields_.find(key);
    if (!at || !typed_ || (spec_.type == OptionType::enumeration && spec_.values.empty()))
      return {};
    std::string problem;
    auto out = read_option(spec_, *at, problem);
    if (!out) fail(*at, "'" + std::string(key) + "' " + problem);
    return out;
  }

  Checker& check_;
  const YamlNode& key_;
  YamlFields fields_;
  OptionSpec spec_;
  // Whether "type" is known. Where it is not, nothing else of the option can be judged: one mistake
  // is one line (ManifestTest.SevenMistakesGiveSevenLines).
  bool typed_ = false;
};

std::string read_name(Checker& check, const YamlFields& fields) {
  const std::string name = fields.text("name");
  const std::string stem = check.file().stem().string();
  if (name.empty()) return name;
  if (!is_plugin_name(name))
    check.fail(*fields.find("name"),
               "name must be lower-case letters, digits and hyphens, is " + in_quotes(name));
  else if (name != stem)
    check.fail(*fields.find("name"), "name is " + in_quotes(name) + ", the file's name says " +
                                         in_quotes(stem) + "; they must be equal");
  return name;
}

std::string read_kind(Checker& check, const YamlFields& fields) {
  const std::string kind = fields.text("kind");
  if (!kind.empty() && std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end())
    check.fail(*fields.find("kind"), "kind must be one of store, provenance, is " +
                                         in_quotes(kind) + did_you_mean(kind, kKinds));
  return kind;
}

std::string read_version(Checker& check, const YamlFields& fields) {
  const std::string version = fields.text("version");
  if (!version.empty() && !is_version(version))
    check.fail(*fields.find("version"), "version must be like 1.2.3, is " + in_quotes(version));
  return version;
}

// Only a file beside the manifest: what is loaded is then as trustworthy as the
// directory that "plugin_path" names.
std::string read_library(Checker& check, const YamlFields& fields, const std::string& name) {
  const std::string library = fields.text("library", name + ".so");
  const YamlNode* at = fields.find("library");
  if (at && !at->bad &&
      (library.empty() || library == "." || library == ".." ||
       library.find('/') != std::string::npos))
    check.fail(*at,
               "library must be the name of a file beside the manifest, is " + in_quotes(library));
  return library;
}

std::vector<OptionSpec> read_options(Checker& check, const YamlFields& fields) {
  std::vector<OptionSpec> out;
  const YamlNode* node = fields.find("options");
  if (!node) return out;
  const YamlFields options(check, *node, "options", {});
  for (std::size_t i = 0; i < node->keys.size(); ++i)
    out.push_back(OptionReader(check, node->keys[i], node->items[i]).run());
  return out;
}

}  // namespace

const OptionSpec* Manifest::option(std::string_view option_name) const {
  for (const auto& spec : options)
    if (spec.name == option_name) return &spec;
  return nullptr;
}

std::vector<std::string> Manifest::option_names() const {
  std::vector<std::string> out;
  for (const auto& spec : options) out.push_back(spec.name);
  return out;
}

bool is_plugin_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text[0] != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

Manifest load_manifest(const std::filesystem::path& file) {
  Checker check(file);
  const YamlNode root = check.read();
  if (root.kind == YamlNode::Kind::null && !root.bad) check.fail(1, 1, "the file is empty");
  const YamlFields fields(check, root, "",
                          {"name", "kind", "version", "abi", "library", "summary", "license",
                           "homepage", "capabilities", "options"});
  if (root.kind != YamlNode::Kind::map) check.done();
  Manifest m;
  m.file = std::filesystem::absolute(file).lexically_normal();
  m.name = read_name(check, fields);
  m.kind = read_kind(check, fields);
  m.version = read_version(check, fields);
  // 16 bits, as in the descriptor.
  m.abi = static_cast<int>(fields.integer("abi", 1, std::numeric_limits<std::uint16_t>::max()));
  m.library = m.file.parent_path() / read_library(check, fields, m.name);
  m.summary = fields.text("summary");
  m.license = fields.text("license");
  m.homepage = fields.text("homepage", "");
  m.capabilities = fields.texts("capabilities", {});
  m.options = read_options(check, fields);
  check.done();
  return m;
}

}  // namespace domed
