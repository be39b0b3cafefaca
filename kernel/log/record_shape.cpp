#include "log/record_shape.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace domed {
namespace {

using Fits = bool (*)(const Json&);

bool is_text(const Json& value) {
  return value.is_string();
}
bool is_text_or_gone(const Json& value) {  // the value did not come with an import
  return value.is_string() || value.is_null();
}
bool is_flag(const Json& value) {
  return value.is_boolean();
}
bool is_seconds(const Json& value) {
  return value.is_number() && value.get<double>() >= 0 && value.get<double>() <= 1e9;
}
bool is_small(const Json& value) {
  return value.is_number_integer() && std::abs(value.get<double>()) <= 1e9;
}
bool is_count(const Json& value) {
  return value.is_number_unsigned() && value.get<double>() < 9e18;
}
bool is_object(const Json& value) {
  return value.is_object();
}
template <Fits fits>
bool is_list_of(const Json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), fits);
}
template <Fits fits>
bool is_map_of(const Json& value) {
  return value.is_object() && std::all_of(value.begin(), value.end(), fits);
}
bool is_command(const Json& value) {
  return is_list_of<is_text>(value) && !value.empty();
}
bool is_retry(const Json& value) {
  return value.is_object() && is_small(value.value("max_attempts", Json(1))) &&
         is_seconds(value.value("backoff_s", Json(0)));
}
bool is_terminal_size(const Json& value) {
  return value.is_object() && is_small(value.value("rows", Json(1))) &&
         is_small(value.value("columns", Json(1)));
}
bool is_input(const Json& value) {
  return value.is_object() && is_text(value.value("path", Json(""))) &&
         is_text(value.value("b64", Json("")));
}
bool is_accepts(const Json& value) {
  const auto has_list = [&](const char* key) {
    return value.contains(key) && is_list_of<is_text>(value.at(key));
  };
  return value.is_object() && has_list("env") && has_list("cwd") && has_list("stdin") &&
         is_flag(value.value("tty", Json(false)));
}

struct Key {
  const char* name;
  Fits fits;
};

constexpr Key kRequest[] = {{"executor", is_text},
                            {"tool_id", is_text},
                            {"command", is_command},
                            {"cwd", is_text},
                            {"env", is_map_of<is_text_or_gone>},
                            {"secret_env", is_map_of<is_text_or_gone>},
                            {"labels", is_map_of<is_text>},
                            {"limits", is_map_of<is_count>},
                            {"stdin", is_input},
                            {"tty", is_terminal_size},
                            {"task", is_object},
                            {"constraints", is_object},
                            {"profile", is_text},
                            {"timeout_s", is_seconds},
                            {"expires_s", is_small},
                            {"queue", is_text},
                            {"node", is_text},
                            {"priority", is_small},
                            {"depends_on", is_list_of<is_text>},
                            {"hold", is_flag},
                            {"not_before", is_text},
                            {"retry", is_retry},
                            {"retry_of", is_text}};

constexpr Key kTool[] = {{"id", is_text},
                         {"version", is_text},
                         {"command", is_command},
                         {"cwd", is_text},
                         {"env", is_map_of<is_text>},
                         {"secret_env", is_map_of<is_text>},
                         {"limits", is_map_of<is_count>},
                         {"timeout_s", is_seconds},
                         {"retry", is_retry},
                         {"accepts", is_accepts},
                         {"version_command", is_list_of<is_text>},
                         {"runtimes", is_map_of<is_list_of<is_text>>},
                         {"inputs", is_list_of<is_text>},
                         {"contract_sha256", is_text}};

std::string misshapen(const Json& object, std::span<const Key> keys, const std::string& where) {
  if (!object.is_object()) return where + " is no object";
  for (const auto& [name, fits] : keys)
    if (const auto it = object.find(name); it != object.end() && !fits(*it))
      return where + "." + name + " has another shape";
  return "";
}

}  // namespace

std::string shape_problem(const JobFixed& fixed) {
  std::string problem = misshapen(fixed.request, kRequest, "request");
  if (problem.empty() && !fixed.tool.is_null()) problem = misshapen(fixed.tool, kTool, "tool");
  if (problem.empty() && !fixed.imported.is_null() && !fixed.imported.is_object())
    problem = "imported is no object";
  return problem;
}

}  // namespace domed
