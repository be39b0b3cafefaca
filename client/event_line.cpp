#include "client/event_line.h"

#include <charconv>

#include "base/json.h"
#include "base/units.h"

namespace domed {
namespace {

// Reads a text from its front; every method returns false where it does not fit.  Not a JSON
// parser: a line is canonical, its keys in one order, so that what does not fit is no line of a
// daemon.  A follower of a million lines a second reads each of them here.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool skip(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  // A JSON string, quotes included.
  bool literal(std::string_view& out) {
    if (rest_.empty() || rest_[0] != '"') return false;
    const std::size_t end = rest_.find('"', 1);
    if (end == std::string_view::npos) return false;
    if (rest_[end - 1] != '\\') return take(end + 1, out);  // an escaped one follows a backslash
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '\\')
        ++i;
      else if (rest_[i] == '"')
        return take(i + 1, out);
    }
    return false;
  }
  template <class Number>
  bool number(Number& out) {
    const char* end = rest_.data() + rest_.size();
    const auto [stop, error] = std::from_chars(rest_.data(), end, out);
    if (error != std::errc()) return false;
    rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()));
    return true;
  }
  std::string_view rest() const { return rest_; }

 private:
  bool take(std::size_t count, std::string_view& out) {
    out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return true;
  }
  std::string_view rest_;
};

std::string_view inside(std::string_view literal) {
  return literal.substr(1, literal.size() - 2);
}

}  // namespace

std::optional<EventLine> read_event_line(std::string_view line) {
  Scanner in(line);
  EventLine event;
  if (!in.skip(R"({"job_id":)") || !in.literal(event.job_id) || !in.skip(R"(,"seq":)") ||
      !in.number(event.seq) || !in.skip(R"(,"ts":)") || !in.literal(event.ts) ||
      (in.skip(R"(,"t":)") && !in.number(event.t.emplace())) || !in.skip(R"(,"type":)") ||
      !in.literal(event.type) || !in.skip(R"(,"payload":)"))
    return std::nullopt;
  event.payload = in.rest();
  if (event.payload.size() < 3 || event.payload.front() != '{' || !event.payload.ends_with("}}"))
    return std::nullopt;
  event.payload.remove_suffix(1);
  event.ts = inside(event.ts);
  event.type = inside(event.type);
  return event;
}

bool is_clock_wrong(const EventLine& event, std::int64_t created) {
  constexpr std::int64_t kAhead = 5'000'000;
  if (!event.t) return false;
  const auto ts = parse_time(event.ts);
  return (ts && *event.t > *ts + kAhead) || (created != 0 && *event.t < created);
}

bool is_terminal_state(std::string_view state) {
  return state == "succeeded" || state == "failed" || state == "canceled";
}

bool is_terminal(const EventLine& event) {
  if (event.type != "state_change") return false;
  const Json payload = Json::parse(event.payload, nullptr, false);
  if (!payload.is_object()) return false;
  const auto to = payload.find("to");
  return to != payload.end() && to->is_string() &&
         is_terminal_state(to->get_ref<const std::string&>());
}

std::optional<Output> read_output(std::string_view payload) {
  const Json json = Json::parse(payload, nullptr, false);
  if (!json.is_object() || !json.contains("stream") || !json["stream"].is_string())
    return std::nullopt;
  Output out;
  out.stream = json["stream"].get<std::string>();
  if (json.contains("text") && json["text"].is_string())
    out.bytes = json["text"].get<std::string>();
  else if (!json.contains("b64") || !json["b64"].is_string() ||
           !from_base64(json["b64"].get_ref<const std::string&>(), out.bytes))
    return std::nullopt;
  // Absent means true (docs/protocol.md, Event lines).
  if (!json.contains("eol") || json["eol"] != false) out.bytes += '\n';
  return out;
}

}  // namespace domed
