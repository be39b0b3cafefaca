#pragma once

#include <chrono>
#include <string>

#include "base/json.h"
#include "protocol/api_error.h"

namespace domed {

// What every call of a Client needs, and nobody else.

[[noreturn]] inline void unreachable(const std::string& text) {
  throw ApiError("E_UNREACHABLE", text);
}

[[noreturn]] inline void not_an_answer(const std::string& url, const std::string& why) {
  throw ApiError("E_PROTOCOL", url + " sent what is not a JSON-RPC reply (" + why +
                                   "): is it a control socket of domed?");
}

inline bool has_field(const ApiError& error, const char* name) {
  return error.fields().is_object() && error.fields().contains(name);
}

// Replacing what is not UTF-8 would name another file, or another job.
inline std::string text_of(const Json& params) try {
  return params.dump();
} catch (const Json::exception&) {
  throw ApiError("E_INVALID_REQUEST",
                 "the request holds text that is not UTF-8, which the protocol cannot carry: use "
                 "names and arguments in UTF-8, or let a script write the bytes");
}

// How long the daemon is asked to hold the request.
inline std::chrono::milliseconds held_for(const Json& params) {
  const auto wait = params.find("wait_ms");
  return std::chrono::milliseconds(
      wait != params.end() && wait->is_number_integer() ? wait->get<int>() : 0);
}

}  // namespace domed
