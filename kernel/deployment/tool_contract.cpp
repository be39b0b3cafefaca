// What is agreed with who runs a tool, and what is told of it.
#include "base/json.h"
#include "deployment/tool.h"
#include "domed/support/hash.h"

namespace domed {
namespace {

// Without a terminal as it was before there could be one: the contract is the same.
Json accepts_of(const Accepts& accepts) {
  Json out{{"env", accepts.env}, {"cwd", accepts.cwd}, {"stdin", accepts.stdin}};
  if (accepts.tty) out["tty"] = true;
  return out;
}

// What the contract and the descriptor tell alike.
Json description_of(const ToolSpec& tool) {
  return {{"id", tool.id},
          {"version", tool.version},
          {"title", tool.title},
          {"description", tool.description},
          {"command", tool.command},
          {"cwd", tool.cwd},
          {"env", tool.env},
          {"limits", tool.limits},
          {"accepts", accepts_of(tool.accepts)},
          {"permissions", tool.permissions},
          {"side_effects", tool.side_effects},
          {"input_schema", Json::parse(tool.input_schema)},
          {"version_command", tool.version_command},
          {"runtimes", tool.runtimes},
          {"inputs", tool.inputs}};
}

}  // namespace

std::string contract_of(const ToolSpec& tool) {
  Json contract = description_of(tool);
  // Of variables the names: their values are shown to nobody, and could be guessed from a hash that
  // anybody sees.
  for (auto& value : contract["env"]) value = nullptr;
  // These came later: a tool without them is the one that it was.
  if (!tool.short_description.empty()) contract["short_description"] = tool.short_description;
  if (!tool.kind.empty()) contract["kind"] = tool.kind;
  if (tool.output_schema != "{}") contract["output_schema"] = Json::parse(tool.output_schema);
  if (tool.progress_lines) contract["progress_lines"] = true;
  if (!tool.secret_env.empty()) {
    contract["secret_env"] = Json::array();
    for (const auto& [name, value] : tool.secret_env) contract["secret_env"].push_back(name);
  }
  contract["timeout_ms"] = tool.timeout.count();
  // Left out where there is none: what a tool does not use is no part of what was agreed.
  if (tool.max_attempts > 1)
    contract["retry"] = {{"max_attempts", tool.max_attempts}, {"backoff_ms", tool.backoff.count()}};
  return canonical_json(contract);
}

Json descriptor_of(const ToolSpec& tool) {
  const auto seconds = [](std::chrono::milliseconds time) {
    return static_cast<double>(time.count()) / 1000;
  };
  // For people and clients, in the units of requests; the contract beside it keeps its own, for its
  // hash is compared over versions.
  Json out = description_of(tool);
  out["short_description"] = tool.short_description;
  out["kind"] = tool.kind;
  out["output_schema"] = Json::parse(tool.output_schema);
  out["progress_lines"] = tool.progress_lines;
  out["timeout_s"] = seconds(tool.timeout);
  out["retry"] = {{"max_attempts", tool.max_attempts}, {"backoff_s", seconds(tool.backoff)}};
  if (!tool.secret_env.empty()) out["secret_env"] = tool.secret_env;
  out["contract_sha256"] = sha256_hex(tool.contract);
  return out;
}

}  // namespace domed
