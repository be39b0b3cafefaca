#include "protocol/request.h"

#include <simdjson.h>

#include "domed/error.h"
#include "protocol/job_id.h"

namespace domed {
namespace {

[[noreturn]] void not_a_request(const std::string& why) {
  throw RpcError(-32600, "E_INVALID_REQUEST", "not a JSON-RPC 2.0 request: " + why);
}

bool is_id(std::string_view text) {
  return text != "null" && text != "true" && text != "false" && text[0] != '{' && text[0] != '[';
}

// Of a member's text: "" where there is none.
bool begins(std::string_view text, char with) {
  return !text.empty() && text[0] == with;
}

bool is_given(std::string_view text) {
  return !text.empty() && text != "null";
}

// Of a checked JSON string.
std::string string_of(std::string_view text) {
  const bool plain = text.find('\\') == std::string_view::npos;
  return plain ? std::string(text.substr(1, text.size() - 2))
               : Json::parse(text).get<std::string>();
}

int code_of(const ApiError& error) {
  if (const auto* rpc = dynamic_cast<const RpcError*>(&error)) return rpc->code();
  if (error.name() == "E_INVALID_REQUEST") return -32602;
  if (error.name() == "E_UNKNOWN_METHOD") return -32601;
  return -32000;
}

}  // namespace

void read_request(std::string_view bytes, Request& request) {
  std::string text;
  std::vector<JsonMember> members;
  try {
    // All of the request is checked here, once: what is taken out of it, payloads included, needs
    // no second look, so that the parsing that follows may leave errors unlooked at.
    text = compact_json(bytes, members);
  } catch (const Error& e) {
    throw RpcError(-32700, "E_INVALID_REQUEST", e.what());
  }
  if (text[0] == '[') not_a_request("batches are not supported, send one request a message");
  if (text[0] != '{') not_a_request("it is not an object");
  std::string_view version, method, params, id, token;
  std::string unknown;
  for (const JsonMember& member : members) {
    const auto value = std::string_view(text).substr(member.begin, member.end - member.begin);
    if (member.key == "jsonrpc")
      version = value;
    else if (member.key == "method")
      method = value;
    else if (member.key == "params")
      params = value;
    else if (member.key == "id")
      id = value;
    else if (member.key == "token")
      token = value;
    else
      unknown = "unknown member '" + member.key + "'";
  }
  // All that can be read comes first, so that a refusal for any other reason still goes to the
  // request that it is of, and is told of its method and of whoever asked (api/audit.h).
  if (!id.empty() && is_id(id)) request.id = id;
  if (begins(method, '"')) request.method = string_of(method);
  if (begins(token, '"')) request.token = string_of(token);
  if (begins(params, '{')) {
    // Room for whoever parses them in place (log/append.cpp).
    request.params.reserve(params.size() + simdjson::SIMDJSON_PADDING);
    request.params = params;
  }
  if (!unknown.empty()) not_a_request(unknown);
  if (version != "\"2.0\"") not_a_request("'jsonrpc' must be \"2.0\"");
  if (id.empty() || !is_id(id)) not_a_request("'id' must be a string or a number");
  if (!begins(method, '"')) not_a_request("'method' must be a string");
  if (is_given(token) && !begins(token, '"')) not_a_request("'token' must be a string");
  if (is_given(params) && !begins(params, '{')) invalid_request("'params' must be an object");
}

std::string begin_result(const std::string& id, std::size_t bytes) {
  std::string out;
  out.reserve(bytes + id.size() + 40);
  out.append("{\"jsonrpc\":\"2.0\",\"id\":").append(id).append(",\"result\":");
  return out;
}

void end_result(std::string& reply) {
  reply += '}';
}

std::string result_reply(const std::string& id, std::string_view result) {
  std::string out = begin_result(id, result.size());
  out.append(result);
  end_result(out);
  return out;
}

std::string error_reply(const std::string& id, const ApiError& error) {
  OrderedJson data{{"error", error.name()}, {"retryable", error.retryable()}};
  // The fields last: a "retryable" among them overrides what the name would say.
  for (const auto& [key, value] : error.fields().items()) data[key] = value;
  const OrderedJson body{{"code", code_of(error)}, {"message", error.what()}, {"data", data}};
  return "{\"jsonrpc\":\"2.0\",\"id\":" + id +
         ",\"error\":" + body.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "}";
}

Params::Params(const std::string& text) : params_(Json::parse(text)) {
  for (auto it = params_.begin(); it != params_.end();)
    it = it->is_null() ? params_.erase(it) : ++it;
}

const Json* Params::get(const char* key) {
  asked_.insert(key);
  const auto it = params_.find(key);
  return it == params_.end() ? nullptr : &*it;
}

std::optional<std::string> Params::text(const char* key, std::size_t most) {
  const Json* value = get(key);
  if (!value) return std::nullopt;
  if (!value->is_string()) invalid_request(std::string("'") + key + "' must be a string");
  auto out = value->get<std::string>();
  if (out.size() > most)
    invalid_request(std::string("'") + key + "' is longer than " + std::to_string(most) + " bytes");
  return out;
}

std::string Params::required_text(const char* key, std::size_t most) {
  const auto value = text(key, most);
  if (!value || value->empty()) invalid_request(std::string("'") + key + "' is required, a string");
  return *value;
}

std::string named_job(std::string job_id) {
  if (is_kernels_own(job_id))
    invalid_request("'job_id': '" + job_id + "' is no job's; such ids are the kernel's own");
  return job_id;
}

std::string Params::job_id() {
  const auto value = text("job_id", SIZE_MAX);
  if (!value) invalid_request("'job_id' is required, a string");
  return named_job(*value);
}

std::int64_t Params::integer(const char* key, std::int64_t fallback, std::int64_t least,
                             std::int64_t most) {
  const Json* value = get(key);
  if (!value) return fallback;
  const bool fits = value->is_number_integer() &&
                    !(value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX);
  if (!fits) invalid_request(std::string("'") + key + "' must be an integer");
  const auto number = value->get<std::int64_t>();
  if (number < least || number > most)
    invalid_request(std::string("'") + key + "' must lie between " + std::to_string(least) +
                    " and " + std::to_string(most));
  return number;
}

bool Params::boolean(const char* key, bool fallback) {
  const Json* value = get(key);
  if (value && !value->is_boolean())
    invalid_request(std::string("'") + key + "' must be true or false");
  return value ? value->get<bool>() : fallback;
}

double Params::number(const char* key, double fallback, double least) {
  const Json* value = get(key);
  if (!value) return fallback;
  if (!value->is_number()) invalid_request(std::string("'") + key + "' must be a number");
  if (value->get<double>() < least) invalid_request(std::string("'") + key + "' is too small");
  return value->get<double>();
}

Json Params::object(const char* key) {
  const Json* value = get(key);
  if (value && !value->is_object()) invalid_request(std::string("'") + key + "' must be an object");
  return value ? *value : Json();
}

Json Params::array(const char* key) {
  const Json* value = get(key);
  if (value && !value->is_array()) invalid_request(std::string("'") + key + "' must be an array");
  return value ? *value : Json();
}

void Params::done() const {
  for (const auto& item : params_.items())
    if (!asked_.count(item.key())) invalid_request("unknown parameter '" + item.key() + "'");
}

}  // namespace domed
