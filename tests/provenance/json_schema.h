#pragma once

#include <regex>
#include <string>

#include "base/json.h"

namespace domed::test {

// Checks JSON against the part of JSON Schema (2020-12) that our schema uses.
// A keyword that it does not know is a problem itself, so that nothing in the
// schema is silently without effect.
class JsonSchema {
 public:
  explicit JsonSchema(Json root) : root_(std::move(root)) {}

  // What is wrong with "value" as "$defs"/"definition"; empty: nothing.
  std::string problem(const Json& value, const std::string& definition) const {
    return check(value, root_.at("$defs").at(definition), definition);
  }

 private:
  std::string check(const Json& value, const Json& schema, const std::string& at) const {
    for (const auto& [keyword, rule] : schema.items())
      if (const std::string found = apply(value, schema, keyword, rule, at); !found.empty())
        return found;
    return "";
  }

  std::string apply(const Json& value, const Json& schema, const std::string& keyword,
                    const Json& rule, const std::string& at) const {
    const auto wrong = [&](bool bad) {
      return bad ? at + ": " + keyword + " " + rule.dump() + ", is " + value.dump().substr(0, 200)
                 : "";
    };
    if (keyword == "description" || keyword == "then") return "";
    if (keyword == "$ref")
      return check(value, root_.at(Json::json_pointer(rule.get<std::string>().substr(1))), at);
    if (keyword == "const") return wrong(value != rule);
    if (keyword == "enum") return wrong(std::find(rule.begin(), rule.end(), value) == rule.end());
    if (keyword == "type") return wrong(!is_type(value, rule));
    if (keyword == "minLength")
      return wrong(value.is_string() && value.get<std::string>().size() < rule);
    if (keyword == "maxLength")
      return wrong(value.is_string() && value.get<std::string>().size() > rule);
    if (keyword == "minimum") return wrong(value.is_number() && value < rule);
    if (keyword == "pattern")
      return wrong(value.is_string() && !std::regex_search(value.get<std::string>(),
                                                           std::regex(rule.get<std::string>())));
    if (keyword == "required") return required(value, rule, at);
    if (keyword == "properties") return properties(value, rule, at);
    if (keyword == "additionalProperties") return additional(value, schema, rule, at);
    if (keyword == "items") return items(value, rule, at);
    if (keyword == "anyOf") return any_of(value, rule, at);
    if (keyword == "allOf") return all_of(value, rule, at);
    if (keyword == "if")
      return check(value, rule, at).empty() ? check(value, schema.at("then"), at) : "";
    return at + ": the test does not know the keyword " + keyword;
  }

  static bool is_type(const Json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    return type == "integer" && value.is_number_integer();
  }
  static std::string required(const Json& value, const Json& names, const std::string& at) {
    if (!value.is_object()) return "";
    for (const auto& name : names)
      if (!value.contains(name.get<std::string>())) return at + ": no " + name.get<std::string>();
    return "";
  }
  std::string properties(const Json& value, const Json& rules, const std::string& at) const {
    if (!value.is_object()) return "";
    for (const auto& [name, rule] : rules.items()) {
      if (!value.contains(name)) continue;
      const std::string found = check(value.at(name), rule, at + "." + name);
      if (!found.empty()) return found;
    }
    return "";
  }
  std::string additional(const Json& value, const Json& schema, const Json& rule,
                         const std::string& at) const {
    if (!value.is_object()) return "";
    for (const auto& [name, inner] : value.items()) {
      if (schema.value("properties", Json::object()).contains(name)) continue;
      if (rule == false) return at + ": unexpected " + name;
      const std::string found = check(inner, rule, at + "." + name);
      if (!found.empty()) return found;
    }
    return "";
  }
  std::string items(const Json& value, const Json& rule, const std::string& at) const {
    if (!value.is_array()) return "";
    for (const auto& item : value)
      if (const std::string found = check(item, rule, at + "[]"); !found.empty()) return found;
    return "";
  }
  std::string any_of(const Json& value, const Json& rules, const std::string& at) const {
    std::string all;
    for (const auto& rule : rules) {
      const std::string found = check(value, rule, at);
      if (found.empty()) return "";
      all += (all.empty() ? "" : " | ") + found;
    }
    return all;
  }
  std::string all_of(const Json& value, const Json& rules, const std::string& at) const {
    for (const auto& rule : rules)
      if (const std::string found = check(value, rule, at); !found.empty()) return found;
    return "";
  }

  Json root_;
};

}  // namespace domed::test
