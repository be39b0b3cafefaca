#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>

#include "domed/error.h"

namespace domed {

// An error of the control protocol: docs/protocol.md lists the names.  The
// kernel throws it from a method, the client library for an error reply.
class ApiError : public std::runtime_error {
 public:
  // "fields" are added to the reply's error data.  A NUL in "message", as any id may have, shows
  // as "\x00".
  ApiError(std::string name, const std::string& message, nlohmann::json fields = {});

  const std::string& name() const { return name_; }
  const nlohmann::json& fields() const { return fields_; }
  // Sending the same request again may succeed.  A field "retryable" decides.
  bool retryable() const {
    if (fields_.is_object() && fields_.contains("retryable")) return fields_["retryable"] == true;
    return name_ == "E_BUSY" || name_ == "E_STORE" || name_ == "E_STARTING" ||
           name_ == "E_BATCH_GAP";
  }

 private:
  std::string name_;
  nlohmann::json fields_;
};

// What is wrong with a request, whose sender has to change it.
[[noreturn]] inline void invalid_request(const std::string& text) {
  throw ApiError("E_INVALID_REQUEST", text);
}

// The store's failure as the protocol tells it: whether to try again depends on its kind.
ApiError store_failure(const Error& error);

}  // namespace domed
