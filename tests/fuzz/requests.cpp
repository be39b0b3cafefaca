// A request's bytes: what is taken is JSON to a second reading too, with the same method and
// params; what is refused is refused by a name that the protocol has.
#include <cstdint>
#include <cstdlib>

#include "base/json.h"
#include "log/append.h"
#include "protocol/request.h"

namespace domed {
namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

// Names that a peer's bytes may get.
void must_be_refusal(const ApiError& error) {
  must(error.name() == "E_INVALID_REQUEST" || error.name() == "E_UNKNOWN_METHOD" ||
       error.name() == "E_TOO_LARGE");
  must(!error_reply("1", error).empty());
}

// Of a batch: it holds what the text does, one event for each of its list.
void check_append(std::string params) try {
  const AppendRequest request = read_append(params);
  const Json whole = Json::parse(params);
  must(whole["job_id"] == request.job_id);
  must(whole["events"].size() == request.batch.events.size());
  must(request.entry_bytes() > 0);
} catch (const ApiError& error) {
  must_be_refusal(error);
}

void check_params(const std::string& text) try {
  Params params(text);
  static_cast<void>(params.job_id());
  static_cast<void>(params.integer("since_seq", 0, 0, 1 << 30));
  static_cast<void>(params.boolean("follow", false));
  static_cast<void>(params.object("labels"));
  static_cast<void>(params.array("events"));
  params.done();
} catch (const ApiError& error) {
  must_be_refusal(error);
}

void check(std::string_view bytes) {
  Request request;
  try {
    read_request(bytes, request);
  } catch (const ApiError& error) {
    must_be_refusal(error);
    must(Json::accept(error_reply(request.id, error)));
    return;
  }
  const Json whole = Json::parse(bytes);
  must(whole["method"] == request.method);
  must(Json::parse(request.params) == whole.value("params", Json::object()));
  must(Json::accept(result_reply(request.id, "{}")));
  check_params(request.params);
  check_append(request.params);
}

}  // namespace
}  // namespace domed

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  domed::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
