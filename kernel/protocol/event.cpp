#include "protocol/event.h"

#include <simdjson.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/units.h"
#include "domed/error.h"
#include "domed/support/hash.h"
#include "protocol/api_error.h"
#include "protocol/events_array.h"
#include "protocol/limits.h"

namespace domed {
namespace {

namespace od = simdjson::ondemand;

// Parses checked JSON, whose padding simdjson wants to read.
class CheckedSlice {
 public:
  explicit CheckedSlice(std::string& text) {
    thread_local od::parser parser;
    // The padding is reserved and not appended: the payload stays as long as it is, and where there
    // was room already nothing is copied.
    text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    document_ = parser.iterate(text);
  }
  od::document& document() { return document_.value_unsafe(); }

 private:
  simdjson::simdjson_result<od::document> document_;
};

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > limits::kNameBytes) return false;
  for (const char c : text)
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' &&
        c != '-' && c != '.')
      return false;
  return true;
}

std::string string_field(od::value value, const char* key, const std::string& where) {
  std::string_view text;
  if (value.get_string().get(text)) invalid_request(where + "'" + key + "' must be a string");
  return std::string(text);
}

// One that can be written as people read times.
std::int64_t checked_time(std::int64_t t, const std::string& where) {
  static const std::int64_t first = *parse_time("0001-01-01"),
                            last = *parse_time("9999-12-31T23:59:59.999999Z");
  if (t < first || t > last) invalid_request(where + "'t' lies beyond the years 1 to 9999");
  return t;
}

std::int64_t time_field(od::value value, const std::string& where) {
  std::int64_t t = 0;
  if (value.get_int64().get(t))
    invalid_request(where + "'t' must be an integer, microseconds since 1970");
  return checked_time(t, where);
}

void read_log(Event& event, const std::string& where) {
  CheckedSlice slice(event.payload);
  bool has_text = false, has_b64 = false, eol = true;
  for (auto item : slice.document().get_object()) {
    const std::string_view key = item.unescaped_key().value_unsafe();
    od::value value = item.value().value_unsafe();
    if (key == "stream") {
      event.stream = string_field(value, "stream", where);
    } else if (key == "text") {
      has_text = true;
      event.bytes = string_field(value, "text", where);
    } else if (key == "b64") {
      has_b64 = true;
      if (!from_base64(string_field(value, "b64", where), event.bytes))
        invalid_request(where + "'b64' is not base64 with padding");
    } else if (key == "eol" && value.get_bool().get(eol)) {
      invalid_request(where + "'eol' must be true or false");
    }
  }
  if (!is_name(event.stream)) invalid_request(where + "'stream' must be a name such as stdout");
  // Bytes that are UTF-8 come as text, for people and jq; all others as base64, since JSON has no
  // way to carry them and to replace them would lose them.
  if (has_text == has_b64) invalid_request(where + "a log event has either 'text' or 'b64'");
  // A line of output is an event, and "eol" says that its LF was there: with one inside there would
  // be two ways to say the same bytes, and the totals of TerminalLast could not be told from the
  // lines.
  if (event.bytes.find('\n') != std::string::npos)
    invalid_request(where + "a line feed inside a line: send one log event for each line");
  event.eol = eol;
  if (eol) event.bytes += '\n';
}

std::optional<std::int64_t> integer(const Json& json, const char* key, std::int64_t most,
                                    const std::string& where) {
  if (!json.contains(key) || json.at(key).is_null()) return std::nullopt;
  if (!json.at(key).is_number_integer())
    invalid_request(where + "'" + key + "' must be an integer");
  const auto value = json.at(key).get<std::int64_t>();
  if (value < 0 || value > most) invalid_request(where + "'" + key + "' is out of range");
  return value;
}

std::uint64_t count_in(const Json& json, const char* key, const std::string& where) {
  return static_cast<std::uint64_t>(integer(json, key, INT64_MAX, where).value_or(0));
}

std::string text(const Json& json, const char* key, std::size_t most, const std::string& where) {
  if (!json.contains(key) || json.at(key).is_null()) return "";
  if (!json.at(key).is_string()) invalid_request(where + "'" + key + "' must be a string");
  auto value = json.at(key).get<std::string>();
  if (value.size() > most)
    invalid_request(where + "'" + key + "' is longer than " + std::to_string(most) + " bytes");
  return value;
}

void read_state_change(Event& event, Author author, const std::string& where) {
  static constexpr std::array<std::string_view, 9> kReasons{"exit",   "signal",      "timeout",
                                                            "cancel", "spawn_error", "lost",
                                                            "limit",  "dependency",  "reported"};
  const Json json = Json::parse(event.payload);
  // The kernel writes this payload anew (TerminalLast): a key that means nothing to it would be
  // lost without a word, and is refused instead.
  for (const auto& item : json.items()) {
    static constexpr std::string_view kKeys =
        " from to reason message exit_code signal streams masked ";
    if (kKeys.find(" " + item.key() + " ") == std::string_view::npos)
      invalid_request(where + "unknown key '" + item.key() + "' in a state_change");
  }
  event.to = parse_state(text(json, "to", 32, where));
  if (!event.to || (author == Author::producer && *event.to == State::queued))
    invalid_request(where + "'to' must be running, succeeded, failed or canceled");
  event.reason = text(json, "reason", 32, where);
  event.message = text(json, "message", limits::kMessageBytes, where);
  event.exit_code = integer(json, "exit_code", INT32_MAX, where);
  event.signal = integer(json, "signal", INT32_MAX, where);
  if (author == Author::producer && json.contains("masked"))
    invalid_request(where + "'masked' is the daemon's to tell");
  event.masked = count_in(json, "masked", where);
  if (!event.reason.empty() &&
      std::find(kReasons.begin(), kReasons.end(), event.reason) == kReasons.end())
    invalid_request(where + "unknown reason '" + event.reason + "'");
  if (!is_terminal(*event.to) && (!event.reason.empty() || event.exit_code || event.signal))
    invalid_request(where + "only a terminal state has a reason, an exit_code or a signal");
}

void read_progress(Event& event, const std::string& where) {
  const Json json = Json::parse(event.payload);
  if (!json.contains("value") || !json.at("value").is_number())
    invalid_request(where + "a progress event has a number 'value'");
  const double value = json.at("value");
  if (!(value >= 0 && value <= 1)) invalid_request(where + "'value' must lie between 0 and 1");
  event.progress = static_cast<unsigned>(value * 1000);
  text(json, "message", limits::kEventBytes, where);
}

void read_stream_end(Event& event, const std::string& where) {
  const Json json = Json::parse(event.payload);
  event.stream = text(json, "stream", limits::kNameBytes, where);
  if (!is_name(event.stream)) invalid_request(where + "'stream' must be a name such as stdout");
  event.dropped = count_in(json, "dropped", where);
  event.masked = count_in(json, "masked", where);
}

void read_artifact(const Event& event, const std::string& where) {
  const Json json = Json::parse(event.payload);
  for (const char* key : {"kind", "path", "sha256"})
    if (text(json, key, limits::kEventBytes, where).empty())
      invalid_request(where + "an artifact has '" + key + "', a string");
  if (Digest sha256; !from_hex(text(json, "sha256", limits::kEventBytes, where), sha256))
    invalid_request(where + "an artifact's 'sha256' must be 64 lower-case hex characters");
}

void read_assigned(Event& event, const std::string& where) {
  const Json json = Json::parse(event.payload);
  event.node = text(json, "node", limits::kNameBytes, where);
  if (json.size() != 1 || !json.contains("node") || (event.node.empty() && !json["node"].is_null()))
    invalid_request(where + "an assigned event has 'node' alone, a node's id or null");
}

bool known_type(const std::string& type, Author author) {
  for (const char* name :
       {"state_change", "log", "progress", "stream_end", "artifact", "guard", "error"})
    if (type == name) return true;
  for (const char* name : {"provenance", "provenance_end", "cancel_requested", "held", "released",
                           "assigned", "retry", "paused", "resumed"})
    if (type == name) return author == Author::kernel;
  // The prefix is for third parties, for good: a type that we add later meets none of theirs.
  return type.starts_with("x-") && type.size() > 2 && is_name(type);
}

}  // namespace

Event read_event(std::string type, std::string payload, Author author, const std::string& where) {
  Event event;
  event.type = std::move(type);
  event.payload = std::move(payload);
  if (!known_type(event.type, author))
    invalid_request(
        where + "unknown event type '" + event.type +
        "': use log, progress, stream_end, artifact, guard, error, state_change or x-NAME");
  if (event.payload.empty() || event.payload.front() != '{')
    invalid_request(where + "'payload' must be an object");
  if (event.type == "log") read_log(event, where);
  if (event.type == "state_change") read_state_change(event, author, where);
  if (event.type == "progress") read_progress(event, where);
  if (event.type == "stream_end") read_stream_end(event, where);
  if (event.type == "artifact") read_artifact(event, where);
  if (event.type == "assigned") read_assigned(event, where);
  return event;
}

std::vector<Event> read_events(std::string_view array) {
  const simdjson::padded_string padded(array);
  thread_local od::parser parser;  // read_event() has another
  od::document document = parser.iterate(padded).value_unsafe();
  return read_events(document.get_array().value_unsafe());
}

std::vector<Event> read_events(od::array array) {
  std::vector<Event> events;
  for (auto item : array) {
    const std::string where = "events[" + std::to_string(events.size()) + "]: ";
    // Before the event is read: a batch that is too long costs no more than one that fits.
    if (events.size() == limits::kBatchEvents)
      throw ApiError("E_TOO_LARGE",
                     "a batch holds at most " + std::to_string(limits::kBatchEvents) + " events");
    std::string type, payload;
    std::optional<std::int64_t> t;
    od::object object;
    if (item.get_object().get(object)) invalid_request(where + "an event is an object");
    for (auto field : object) {
      const std::string_view key = field.unescaped_key().value_unsafe();
      if (key == "type") {
        type = string_field(field.value().value_unsafe(), "type", where);
      } else if (key == "payload") {
        od::object inner;
        if (field.value().get_object().get(inner))
          invalid_request(where + "'payload' must be an object");
        // Its own bytes, out of the request as it came: never encoded again (Immutable).
        const std::string_view raw = inner.raw_json().value_unsafe();
        payload.reserve(raw.size() + simdjson::SIMDJSON_PADDING);
        payload = raw;
      } else if (key == "t") {
        t = time_field(field.value().value_unsafe(), where);
      } else {
        invalid_request(where + "unknown key '" + std::string(key) + "'");
      }
    }
    events.push_back(read_event(std::move(type), std::move(payload), Author::producer, where));
    events.back().t = t;
    if (t.has_value() != events.front().t.has_value())
      invalid_request(where + "either all events of a batch have a 't' or none");
  }
  return events;
}

Line read_line(std::string_view text) try {
  const std::string compact = compact_json(text);
  const OrderedJson json = OrderedJson::parse(compact);
  Line line;
  line.text = text;
  line.job_id = json.at("job_id").get<std::string>();
  line.seq = json.at("seq").get<std::uint64_t>();
  line.ts = parse_time(json.at("ts").get<std::string>()).value_or(0);
  const auto at = compact.find("\"payload\":");
  std::string payload = compact.substr(at + 10, compact.size() - at - 11);
  const std::string where = "event " + std::to_string(line.seq) + ": ";
  line.event =
      read_event(json.at("type").get<std::string>(), std::move(payload), Author::kernel, where);
  if (json.contains("t")) line.event.t = checked_time(json.at("t").get<std::int64_t>(), where);
  // An import takes bytes from outside into a log whose lines are ours to define.  Whatever the
  // line says, it has to be what we would have written: then its digest is one that this daemon,
  // and any follower, finds again.
  const std::string again = encode_line(json_string(line.job_id), line.seq, format_time(line.ts),
                                        line.event.type, line.event.payload, line.event.t);
  if (again != text) invalid_request(where + "the line is not in canonical form");
  return line;
} catch (const Error& e) {
  invalid_request("not an event line: " + std::string(e.what()));
} catch (const OrderedJson::exception&) {
  invalid_request("not an event line: it lacks job_id, seq, ts, type or payload");
}

bool tells_another_time(const std::vector<Event>& events, std::int64_t ts) {
  return std::any_of(events.begin(), events.end(), [ts](const Event& event) {
    return event.t && (*event.t <= ts - kSameTime || *event.t >= ts + kSameTime);
  });
}

std::size_t most_line_bytes(std::string_view job_id_literal, const Event& event, bool with_t) {
  constexpr std::size_t kEnvelope =
      sizeof R"({"job_id":,"seq":4294967295,"ts":"2026-01-31T12:00:00.000000Z","type":"","payload":})";
  constexpr std::size_t kTime = sizeof R"("t":253402300799999999,)";  // the last of the year 9999
  return kEnvelope + (with_t ? kTime : 0) + job_id_literal.size() + event.type.size() +
         event.payload.size();
}

std::string encode_line(std::string_view job_id_literal, std::uint64_t seq, std::string_view ts,
                        std::string_view type, std::string_view payload,
                        std::optional<std::int64_t> t) {
  std::string line;
  line.reserve(job_id_literal.size() + type.size() + payload.size() + 128);
  append_line(line, job_id_literal, seq, ts, type, payload, t);
  return line;
}

void append_line(std::string& out, std::string_view job_id_literal, std::uint64_t seq,
                 std::string_view ts, std::string_view type, std::string_view payload,
                 std::optional<std::int64_t> t) {
  out.append("{\"job_id\":").append(job_id_literal);
  out.append(",\"seq\":").append(std::to_string(seq));
  out.append(",\"ts\":\"").append(ts).append("\"");
  if (t) out.append(",\"t\":").append(std::to_string(*t));
  out.append(",\"type\":\"").append(type);
  out.append("\",\"payload\":").append(payload).append("}");
}

}  // namespace domed
