// The part of a job's record that is written rarely.
#include <algorithm>

#include "base/command_template.h"
#include "domed/error.h"
#include "log/job.h"
#include "log/record_shape.h"
#include "log/sealed_store.h"
#include "protocol/api_error.h"
#include "protocol/limits.h"

namespace domed {
namespace {

std::string text(const Json& object, const char* key) {
  return object.contains(key) ? object.at(key).get<std::string>() : "";
}

OrderedJson stored_object(const std::string& json, const char* what) {
  OrderedJson out = OrderedJson::parse(json, nullptr, false);
  if (!out.is_object())
    throw Error(Code::corruption,
                std::string("its record in the store is damaged: ") + what + " is no JSON object");
  return out;
}

}  // namespace

std::string JobFixed::encode() const {
  Json out = {{"job_id", job_id},         {"run_id", run_id},
              {"client_id", client_id},   {"idempotency_key", idempotency_key},
              {"request", request},       {"tool", tool},
              {"provenance", provenance}, {"provenance_end", provenance_end},
              {"artifacts", artifacts},   {"cancel_reason", cancel_reason}};
  for (const auto& [key, value] : {std::pair{"submitter", &submitter},
                                   {"accepted_by", &accepted_by},
                                   {"name", &name},
                                   {"producer_token", &producer_token}})
    if (!value->empty()) out[key] = *value;
  if (!imported.is_null()) out["imported"] = imported;
  if (!claims.is_null()) out["claims"] = claims;
  return out.dump();
}

JobFixed JobFixed::decode(std::string_view bytes) {
  try {
    // Before its shape is: what is sealed has another one, and its value is not known here.
    if (const std::string problem = sealed_problem("", bytes); !problem.empty())
      throw Error(Code::corruption, problem);
    const Json json = Json::parse(bytes);
    JobFixed fixed;
    fixed.job_id = json.at("job_id");
    fixed.run_id = json.at("run_id");
    fixed.client_id = json.at("client_id");
    fixed.idempotency_key = json.at("idempotency_key");
    fixed.submitter = text(json, "submitter");
    fixed.accepted_by = text(json, "accepted_by");
    fixed.name = text(json, "name");
    fixed.producer_token = text(json, "producer_token");
    fixed.request = json.at("request");
    fixed.tool = json.at("tool");
    fixed.provenance = json.at("provenance");
    fixed.provenance_end = json.at("provenance_end");
    fixed.artifacts = json.at("artifacts").get<std::vector<std::string>>();
    fixed.cancel_reason = text(json, "cancel_reason");
    fixed.imported = json.value("imported", Json());
    fixed.claims = json.value("claims", Json());
    const std::string problem = shape_problem(fixed);
    if (!problem.empty())
      throw Error(Code::corruption, "its record in the store is damaged: " + problem);
    return fixed;
  } catch (const Json::exception&) {  // whose text may hold the bytes that are no text
    throw Error(Code::corruption, "its record in the store is damaged: it is not what was written");
  }
}

OrderedJson JobFixed::provenance_json() const {
  return stored_object(provenance, "provenance");
}
OrderedJson JobFixed::provenance_end_json() const {
  return stored_object(provenance_end, "provenance_end");
}

bool JobFixed::external() const {
  return text(request, "executor") == "external";
}
std::chrono::seconds JobFixed::expires() const {
  if (!request.is_object()) return {};  // of a tombstone there is none
  return std::chrono::seconds(request.value("expires_s", std::int64_t{0}));
}
std::string JobFixed::tool_id() const {
  return text(request, "tool_id");
}

// The record is written as a whole with each of them, so they must not be many.
bool JobFixed::add_artifact(const std::string& payload) {
  std::size_t bytes = payload.size();
  for (const auto& kept : artifacts) bytes += kept.size();
  if (artifacts.size() >= limits::kArtifacts || bytes > limits::kArtifactBytes) return false;
  artifacts.push_back(payload);
  return true;
}

Json JobFixed::command() const {
  if (external() || !tool.is_object() || !tool.contains("command"))
    return request.value("command", Json());
  try {
    return fill_command(tool.at("command"), request.value("task", Json()));
  } catch (const Error& e) {
    throw ApiError("E_INVALID_REQUEST", e.what());
  }
}

}  // namespace domed
