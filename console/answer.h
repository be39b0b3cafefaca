#pragma once

#include <httplib.h>

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/api_error.h"

namespace domed::console {

// Gives "body" as it is, never compressed: beside what an attacker can choose its length would
// tell what it holds.
void answer(httplib::Response& response, int status, const char* type, std::string body);
void answer_json(httplib::Response& response, std::string json);
// {"error":NAME,"message":..} and the fields of the error, as "domectl --json" tells it, under the
// HTTP status that is nearest.
void answer_error(httplib::Response& response, const ApiError& error);
std::string error_json(const ApiError& error);

// What stands behind the "?" of a request.  Throws ApiError(E_INVALID_REQUEST) for what is said
// twice, and for a number that is none.
std::string text_param(const httplib::Request& request, const char* name);  // "": absent
std::optional<std::uint64_t> number_param(const httplib::Request& request, const char* name);

// For whoever started the console: one line, whatever is in it.
void say(const std::string& text);

}  // namespace domed::console
