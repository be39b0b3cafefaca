#pragma once

#include <map>
#include <string>

#include "base/json.h"
#include "protocol/call.h"

namespace domed {

// ListTools and GetTool: the tools of the deployment, by id.  Thread-safe.
class ToolMethods {
 public:
  explicit ToolMethods(std::map<std::string, Json> tools) : tools_(std::move(tools)) {}

  void list_tools(Call call) const;
  void get_tool(Call call) const;

  // The descriptor that a job keeps of its tool.  Throws ApiError(E_NOT_FOUND).
  const Json& tool(const std::string& id) const;

 private:
  const std::map<std::string, Json> tools_;
};

}  // namespace domed
