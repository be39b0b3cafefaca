#include "api/tools.h"

#include "protocol/request.h"

namespace domed {
namespace {

bool has(const Json& tool, const char* schema) {
  return !tool.value(schema, Json::object()).empty();
}

}  // namespace

void ToolMethods::list_tools(Call call) const {
  Params(call.params).done();
  OrderedJson tools = OrderedJson::array();
  const auto known = tools_.now();
  for (const auto& [id, tool] : *known)
    tools.push_back({{"tool_id", id},
                     {"version", tool.value("version", "")},
                     {"title", tool.value("title", "")},
                     {"short_description", tool.value("short_description", "")},
                     {"kind", tool.value("kind", "")},
                     {"has_input_schema", has(tool, "input_schema")},
                     {"has_output_schema", has(tool, "output_schema")},
                     {"accepts", tool.value("accepts", Json::object())}});
  call.result(OrderedJson{{"tools", tools}}.dump());
}

void ToolMethods::get_tool(Call call) const {
  Params params(call.params);
  const std::string id = params.required_text("tool_id");
  params.done();
  OrderedJson out{{"tool_id", id}};
  const Json snapshot = tool(id);
  for (const auto& [key, value] : snapshot.items()) {
    if (key == "id") continue;
    out[key] = value;
    if (key != "env" && key != "secret_env") continue;
    out[key] = OrderedJson::array();  // the names alone: values may be secrets
    for (const auto& item : value.items()) out[key].push_back(item.key());
  }
  call.result(out.dump());
}

Json ToolMethods::tool(const std::string& id) const {
  const auto tools = tools_.now();
  const auto it = tools->find(id);
  if (it == tools->end())
    throw ApiError("E_NOT_FOUND",
                   "no tool '" + id + "' in the deployment: 'domectl tools' shows those there are");
  return it->second;
}

}  // namespace domed
