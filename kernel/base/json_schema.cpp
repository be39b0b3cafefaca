#include "base/json_schema.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/pattern.h"

namespace domed {
namespace {

// What may stand behind a keyword.
enum class Form { any, text, type, names, list, number, count, pattern, schema, schemas, choices };

const std::map<std::string, Form> kKeywords{
    {"type", Form::type},
    {"enum", Form::list},
    {"const", Form::any},
    {"properties", Form::schemas},
    {"required", Form::names},
    {"additionalProperties", Form::schema},
    {"items", Form::schema},
    {"minItems", Form::count},
    {"maxItems", Form::count},
    {"minLength", Form::count},
    {"maxLength", Form::count},
    {"pattern", Form::pattern},
    {"minimum", Form::number},
    {"maximum", Form::number},
    {"exclusiveMinimum", Form::number},
    {"exclusiveMaximum", Form::number},
    {"allOf", Form::choices},
    {"anyOf", Form::choices},
    {"oneOf", Form::choices},
    {"not", Form::schema},
    // Said to people, not to us.
    {"$schema", Form::text},
    {"$id", Form::text},
    {"$comment", Form::text},
    {"title", Form::text},
    {"description", Form::text},
    {"format", Form::text},
    {"default", Form::any},
    {"examples", Form::any},
    {"deprecated", Form::any},
};

const std::vector<std::string> kTypes{"null",   "boolean", "object", "array",
                                      "number", "integer", "string"};

bool is_type(const Json& name) {
  return name.is_string() &&
         std::find(kTypes.begin(), kTypes.end(), name.get<std::string>()) != kTypes.end();
}

template <class Test>
bool is_list_of(const Json& value, Test&& test) {
  return value.is_array() && !value.empty() && std::all_of(value.begin(), value.end(), test);
}

std::string pattern_problem(const Json& value) {
  if (!value.is_string()) return " must be a text";
  try {
    compile_pattern(value.get<std::string>());
    return "";
  } catch (const std::regex_error&) {
    return " must be a regular expression of at most 256 bytes without back-references";
  }
}

std::string first_problem(const Json& schemas, const std::string& place) {
  for (const auto& [key, schema] : schemas.items())
    if (auto problem = schema_problem(schema, place + "." + key); !problem.empty()) return problem;
  return "";
}

std::string form_problem(Form form, const Json& value, const std::string& place) {
  const auto must = [&](bool good, const char* what) {
    return good ? "" : place + " must be " + what;
  };
  switch (form) {
    case Form::any:
      return "";
    case Form::text:
      return must(value.is_string(), "a text");
    case Form::type:
      return must(is_type(value) || is_list_of(value, is_type),
                  "null, boolean, object, array, number, integer or string, or a list of them");
    case Form::names:
      return must(
          value.is_array() && std::all_of(value.begin(), value.end(),
                                          [](const Json& name) { return name.is_string(); }),
          "a list of names");
    case Form::list:
      return must(is_list_of(value, [](const Json&) { return true; }), "a list of values");
    case Form::number:
      return must(value.is_number(), "a number");
    case Form::count:
      return must(value.is_number_unsigned(), "a count from 0 on");
    case Form::pattern: {
      const std::string problem = pattern_problem(value);
      return problem.empty() ? "" : place + problem;
    }
    case Form::schema:
      return schema_problem(value, place);
    case Form::schemas:
      return value.is_object() ? first_problem(value, place) : place + " must be a map of schemas";
    case Form::choices:
      return value.is_array() && !value.empty() ? first_problem(value, place)
                                                : place + " must be a list of schemas";
  }
  return "";
}

std::string in_words(const Json& values) {
  std::string out;
  for (const auto& value : values)
    out +=
        (out.empty() ? "" : ", ") + (value.is_string() ? value.get<std::string>() : value.dump());
  return out;
}

// Enough of a value to know it again.
std::string shown(const Json& value) {
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  const std::string text = value.dump(-1, ' ', true);
  return text.size() <= 64 ? text : text.substr(0, 61) + "...";
}

bool is_of(const Json& value, const std::string& type) {
  if (type == "number") return value.is_number();
  if (type != "integer") return value.type_name() == type;
  return value.is_number_integer() ||
         (value.is_number_float() && std::trunc(value.get<double>()) == value.get<double>());
}

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

// One schema against one value; the first check that fails is told.
class Fitting {
 public:
  Fitting(const Json& schema, const Json& value, const std::string& name)
      : schema_(schema), value_(value), name_(name) {}

  std::string run() {
    if (schema_.is_boolean()) return schema_ == true ? "" : name_ + " is not allowed";
    check_value();
    if (value_.is_number()) check_number();
    if (value_.is_string()) check_text();
    if (value_.is_array()) check_items();
    if (value_.is_object()) check_properties();
    check_choices();
    return problem_;
  }

 private:
  const Json* keyword(const char* key) const {
    const auto found = schema_.find(key);
    return found == schema_.end() ? nullptr : &*found;
  }
  void fail(const std::string& text) {
    if (problem_.empty()) problem_ = text;
  }
  void must(bool good, const std::string& what) {
    if (!good) fail(name_ + " must " + what + ", is " + shown(value_));
  }
  void descend(const Json& schema, const Json& value, const std::string& name) {
    fail(misfit(schema, value, name));
  }

  void check_value() {
    if (const Json* type = keyword("type")) {
      const Json types = type->is_array() ? *type : Json::array({*type});
      must(std::any_of(types.begin(), types.end(),
                       [&](const Json& one) { return is_of(value_, one.get<std::string>()); }),
           "be of type " + in_words(types));
    }
    if (const Json* values = keyword("enum"))
      must(std::find(values->begin(), values->end(), value_) != values->end(),
           "be one of " + in_words(*values));
    if (const Json* one = keyword("const")) must(value_ == *one, "be " + shown(*one));
  }

  void check_number() {
    if (const Json* k = keyword("minimum")) must(value_ >= *k, "be at least " + k->dump());
    if (const Json* k = keyword("maximum")) must(value_ <= *k, "be at most " + k->dump());
    if (const Json* k = keyword("exclusiveMinimum")) must(value_ > *k, "be above " + k->dump());
    if (const Json* k = keyword("exclusiveMaximum")) must(value_ < *k, "be below " + k->dump());
  }

  void check_text() {
    const auto& text = value_.get_ref<const std::string&>();
    if (const Json* k = keyword("minLength"))
      must(characters(text) >= *k, "have at least " + k->dump() + " characters");
    if (const Json* k = keyword("maxLength"))
      must(characters(text) <= *k, "have at most " + k->dump() + " characters");
    if (const Json* k = keyword("pattern"))
      must(matches(k->get<std::string>(), text, true), "match " + k->get<std::string>());
  }

  void check_items() {
    if (const Json* k = keyword("minItems"))
      must(value_.size() >= *k, "have at least " + k->dump() + " items");
    if (const Json* k = keyword("maxItems"))
      must(value_.size() <= *k, "have at most " + k->dump() + " items");
    const Json* items = keyword("items");
    for (std::size_t i = 0; items && i < value_.size(); ++i)
      descend(*items, value_[i], name_ + "[" + std::to_string(i) + "]");
  }

  void check_properties() {
    if (const Json* names = keyword("required"))
      for (const auto& name : *names)
        if (!value_.contains(name.get<std::string>()))
          fail(name_ + "." + name.get<std::string>() + " is required");
    const Json* known = keyword("properties");
    const Json* rest = keyword("additionalProperties");
    for (const auto& [key, value] : value_.items()) {
      if (known && known->contains(key))
        descend(known->at(key), value, name_ + "." + key);
      else if (rest)
        descend(*rest, value, name_ + "." + key);
    }
  }

  void check_choices() {
    if (const Json* all = keyword("allOf"))
      for (const auto& schema : *all) descend(schema, value_, name_);
    const auto fits = [&](const Json& schema) { return misfit(schema, value_, name_).empty(); };
    const auto count = [&](const Json& list) {
      return std::count_if(list.begin(), list.end(), fits);
    };
    if (const Json* any = keyword("anyOf")) must(count(*any) > 0, "fit one of its alternatives");
    if (const Json* one = keyword("oneOf"))
      must(count(*one) == 1, "fit exactly one of its alternatives");
    if (const Json* none = keyword("not")) must(!fits(*none), "be something else");
  }

  const Json& schema_;
  const Json& value_;
  const std::string name_;
  std::string problem_;
};

}  // namespace

std::string schema_problem(const Json& schema, const std::string& place) {
  if (schema.is_boolean()) return "";
  if (!schema.is_object()) return place + " must be a schema: a map, true or false";
  for (const auto& [key, value] : schema.items()) {
    const std::string here = place + "." + key;
    const auto keyword = kKeywords.find(key);
    if (keyword == kKeywords.end())
      return here + " is a keyword of JSON Schema that is not checked here: leave it out";
    if (auto problem = form_problem(keyword->second, value, here); !problem.empty()) return problem;
  }
  return "";
}

std::string misfit(const Json& schema, const Json& value, const std::string& name) {
  return Fitting(schema, value, name).run();
}

}  // namespace domed
