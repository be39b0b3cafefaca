#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/json.h"
#include "protocol/api_error.h"

namespace domed {

// A JSON-RPC request, checked, with the pieces kept as they came.
struct Request {
  std::string id = "null";  // JSON text, for the reply
  std::string method;
  std::string params = "{}";         // compact JSON text of an object
  std::optional<std::string> token;  // of whom it is (transport/access.h)
};

// Throws ApiError; what of "request" can be read is set all the same, of JSON all but what is
// wrong.
void read_request(std::string_view bytes, Request& request);

// A failure of the envelope itself, with its JSON-RPC code.
class RpcError : public ApiError {
 public:
  RpcError(int code, std::string name, const std::string& message)
      : ApiError(std::move(name), message), code_(code) {}
  int code() const { return code_; }

 private:
  int code_;
};

// A reply is what begin_result() gives, the result, and what end_result() adds.
std::string begin_result(const std::string& id, std::size_t bytes);
void end_result(std::string& reply);
std::string result_reply(const std::string& id, std::string_view result);
std::string error_reply(const std::string& id, const ApiError& error);

// What a request gets that came too late: another daemon may take it.
inline ApiError stopping_error() {
  return {"E_BUSY", "the daemon is stopping", {{"retry_ms", 500}, {"stopping", true}}};
}

// The params of one request: typed access that refuses by name, null taken as
// absent, and done() that refuses what nobody asked for.
class Params {
 public:
  // Throws ApiError(E_INVALID_REQUEST), as does every method below.
  explicit Params(const std::string& text);

  std::optional<std::string> text(const char* key, std::size_t most = 512);
  std::string required_text(const char* key, std::size_t most = 512);
  // Any string is a possible job id.
  std::string job_id();
  std::int64_t integer(const char* key, std::int64_t fallback, std::int64_t least,
                       std::int64_t most);
  bool boolean(const char* key, bool fallback);
  double number(const char* key, double fallback, double least);
  // Null where it is absent.
  Json object(const char* key);
  Json array(const char* key);
  void done() const;

  // Everything that was given, nulls removed.
  const Json& all() const { return params_; }

 private:
  const Json* get(const char* key);
  Json params_;
  std::set<std::string> asked_;
};

}  // namespace domed
