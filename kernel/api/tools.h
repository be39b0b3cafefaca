#pragma once

#include <map>
#include <string>

#include "base/json.h"
#include "base/replaceable.h"
#include "protocol/call.h"

namespace domed {

// ListTools and GetTool: the tools of the deployment, by id.  Thread-safe.
class ToolMethods {
 public:
  using Tools = std::map<std::string, Json>;

  explicit ToolMethods(Tools tools) : tools_(std::move(tools)) {}
  // From now on these are there.
  void use(Tools tools) { tools_.become(std::move(tools)); }

  void list_tools(Call call) const;
  void get_tool(Call call) const;

  // The descriptor that a job keeps of its tool.  Throws ApiError(E_NOT_FOUND).
  Json tool(const std::string& id) const;

 private:
  Replaceable<Tools> tools_;
};

}  // namespace domed
