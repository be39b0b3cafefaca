#include "log/append.h"

#include <simdjson.h>

#include <algorithm>

#include "log/checked_store.h"
#include "protocol/api_error.h"
#include "protocol/events_array.h"
#include "protocol/job_id.h"
#include "protocol/limits.h"

namespace domed {
namespace {

namespace od = simdjson::ondemand;

std::string name(od::value& value, const char* key) {
  std::string_view text;
  if (value.get_string().get(text)) invalid_request(std::string("'") + key + "' must be a string");
  if (text.size() > limits::kKeyBytes) invalid_request(std::string("'") + key + "' is too long");
  return std::string(text);
}

std::uint64_t batch_number(od::value& value) {
  std::uint64_t number = 0;
  if (value.get_uint64().get(number) || number == 0) invalid_request("'batch' must be 1, 2, ...");
  return number;
}

// A producer's batch is what its bytes are, so that they are hashed as they came.
void read_events(od::document& document, od::value& value, Batch& batch) {
  const char* begin = document.current_location().value_unsafe();
  od::array array;
  if (value.get_array().get(array)) invalid_request("'events' must be an array");
  batch.events = domed::read_events(array);
  const char* end = document.current_location().value_unsafe();
  const Digest digest = sha256({begin, static_cast<std::size_t>(end - begin)});
  std::copy_n(digest.begin(), batch.content.size(), batch.content.begin());
}

bool reports(const Batch& batch, bool (*wanted)(State)) {
  return std::any_of(batch.events.begin(), batch.events.end(),
                     [&](const Event& event) { return event.to && wanted(*event.to); });
}

}  // namespace

bool AppendRequest::starts() const {
  return reports(batch, [](State state) { return state == State::running; });
}
bool AppendRequest::ends() const {
  return reports(batch, is_terminal);
}

AppendRequest read_append(std::string& params) {
  // A request has that room already (read_request).
  params.reserve(params.size() + simdjson::SIMDJSON_PADDING);
  thread_local od::parser parser;
  od::document document = parser.iterate(params).value_unsafe();
  AppendRequest request;
  request.params_bytes = params.size();
  Batch& batch = request.batch;
  bool has_events = false;
  for (auto item : document.get_object()) {
    const std::string key(item.unescaped_key().value_unsafe());
    od::value value = item.value().value_unsafe();
    if (value.type().value_unsafe() == od::json_type::null) continue;
    if (key == "job_id")
      request.job_id = named_job(name(value, "job_id"));
    else if (key == "producer_id")
      batch.producer_id = name(value, "producer_id");
    else if (key == "producer_token")
      batch.producer_token = name(value, "producer_token");
    else if (key == "batch")
      batch.number = batch_number(value);
    else if (key == "events")
      read_events(document, value, batch), has_events = true;
    else
      invalid_request("unknown parameter '" + key + "'");
  }
  if (request.job_id.empty()) invalid_request("'job_id' is required, a string");
  if (batch.producer_id.empty()) invalid_request("'producer_id' is required, a string");
  if (batch.producer_id.size() > limits::kNameBytes) invalid_request("'producer_id' is too long");
  if (!has_events) invalid_request("'events' is required, an array");
  if (batch.events.empty()) {
    batch.number = 0;
  } else if (batch.number == 0) {
    invalid_request("'batch' is required: 1 for a producer's first batch");
  }
  return request;
}

// Generously: what is too much only makes an entry smaller than it could be.
std::size_t AppendRequest::entry_bytes() const {
  // What the kernel writes with a change of state: its payload, a retry, and what was collected.
  constexpr std::size_t kWithState = 3 * limits::kEventBytes;
  const std::string literal = json_string(job_id);
  std::size_t bytes = 0;
  for (const auto& event : batch.events)
    bytes += most_line_bytes(literal, event, true) + kSealBytes + (event.to ? kWithState : 0);
  return bytes;
}

}  // namespace domed
