#include "console/answer.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/json.h"
#include "base/units.h"
#include "base/words.h"

namespace domed::console {
namespace {

int status_of(const std::string& name) {
  static constexpr std::pair<const char*, int> kStatus[] = {{"E_INVALID_REQUEST", 400},
                                                            {"E_LOGIN", 401},
                                                            {"E_FORBIDDEN", 403},
                                                            {"E_POLICY_DENIED", 403},
                                                            {"E_READ_ONLY", 403},
                                                            {"E_NOT_FOUND", 404},
                                                            {"E_GONE", 410},
                                                            {"E_TOO_MANY", 429},
                                                            {"E_UNREACHABLE", 502},
                                                            {"E_UNTRUSTED", 502},
                                                            {"E_PROTOCOL", 502},
                                                            {"E_BUSY", 503},
                                                            {"E_STARTING", 503},
                                                            {"E_UNKNOWN_METHOD", 501}};
  for (const auto& [known, status] : kStatus)
    if (name == known) return status;
  return name == "E_INTERNAL" || name == "E_STORE" || name == "E_CONSOLE" ? 500 : 409;
}

}  // namespace

void answer(httplib::Response& response, int status, const char* type, std::string body) {
  response.status = status;
  if (body.empty()) return response.set_content("", type);
  const auto text = std::make_shared<const std::string>(std::move(body));
  response.set_content_provider(
      text->size(), type, [text](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
        // httplib asks for what a request's Range says, and not only for what there is.
        if (offset >= text->size()) return false;
        return sink.write(text->data() + offset, std::min(length, text->size() - offset));
      });
}

void answer_json(httplib::Response& response, std::string json) {
  answer(response, 200, "application/json", std::move(json));
}

std::string error_json(const ApiError& error) {
  OrderedJson out{{"error", error.name()}, {"message", error.what()}};
  if (error.fields().is_object())
    for (const auto& [key, value] : error.fields().items())
      if (!out.contains(key)) out[key] = value;
  return out.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

void answer_error(httplib::Response& response, const ApiError& error) {
  answer(response, status_of(error.name()), "application/json", error_json(error));
}

std::string text_param(const httplib::Request& request, const char* name) {
  if (request.get_param_value_count(name) > 1)
    invalid_request(std::string("'") + name + "' is said twice");
  std::string text = request.get_param_value(name);
  if (!is_utf8(text)) invalid_request(std::string("'") + name + "' is not UTF-8");
  return text;
}

std::optional<std::uint64_t> number_param(const httplib::Request& request, const char* name) {
  const std::string text = text_param(request, name);
  if (text.empty()) return std::nullopt;
  const auto number = parse_integer(text);
  if (!number || *number < 0)
    invalid_request(std::string("'") + name + "' must be a whole number, not " + in_quotes(text));
  return static_cast<std::uint64_t>(*number);
}

void say(const std::string& text) {
  std::fprintf(stderr, "domed-console: %s\n", text.c_str());
}

}  // namespace domed::console
