#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/state.h"

namespace domed {

// The topic of the frames by which a daemon tells that it lives.
inline constexpr std::string_view kDaemonTopic = "daemon\n";

// One event as a producer wants it, or as a line of a log holds it: checked, with
// what the fold needs taken out once, so that nothing is parsed twice.
struct Event {
  // When it happened, where its producer says so: microseconds since 1970 by the producer's clock.
  std::optional<std::int64_t> t;
  std::string type;
  std::string payload;  // compact JSON, otherwise as written

  // log
  std::string stream, bytes;  // "bytes" decoded, with the LF where there was one
  bool eol = false;
  // stream_end
  std::uint64_t dropped = 0;
  std::uint64_t masked = 0;  // and of a terminal state_change
  // progress: in thousandths, rounded down
  std::optional<unsigned> progress;
  // assigned: the node's id; empty: the job was taken back
  std::string node;
  // state_change
  std::optional<State> to;
  std::string reason, message;
  std::optional<std::int64_t> exit_code, signal;
};

// Whose events are read: what each may say differs.
enum class Author { producer, kernel };

// Reads "payload", compact JSON, as an event of type "type".  Throws
// ApiError(E_INVALID_REQUEST) with a text that begins with "where".
Event read_event(std::string type, std::string payload, Author author, const std::string& where);

// The "events" of an AppendJobEvents request, "array" being compact JSON that
// compact_json() made.  Payloads are its bytes, never encoded again.  All of them have a "t", or
// none.
std::vector<Event> read_events(std::string_view array);

// A whole event line, as an export holds it.
struct Line {
  std::string text;  // without LF
  std::string job_id;
  std::uint64_t seq = 0;
  std::int64_t ts = 0;
  Event event;
};
// Throws ApiError(E_INVALID_REQUEST) for anything else than a canonical line.
Line read_line(std::string_view line);

// A line has a "t" only where that says something else than "ts", when the kernel took the event:
// where it would for any event of a batch, it has one in all of them.
inline constexpr std::int64_t kSameTime = 100'000;  // microseconds; from here on they differ
bool tells_another_time(const std::vector<Event>& events, std::int64_t ts);

// An event line is JSON with these five keys in this order and no white space; "job_id_literal" is
// a JSON string, "ts" 27 characters that sort as the times do.  It is written once, when the event
// is committed, and spliced into pages, frames and exports from then on.  Rejected: keys in any
// order (a client could not tell the bytes of a digest); the log_id in each line (32 bytes for
// every event, where pages and frames name it once).
//
// Appends the canonical line, without LF, to "out".
void append_line(std::string& out, std::string_view job_id_literal, std::uint64_t seq,
                 std::string_view ts, std::string_view type, std::string_view payload,
                 std::optional<std::int64_t> t = {});
// What the line of "event" comes to at most, its LF included, with or without a "t".
std::size_t most_line_bytes(std::string_view job_id_literal, const Event& event, bool with_t);
// The canonical line, without LF.
std::string encode_line(std::string_view job_id_literal, std::uint64_t seq, std::string_view ts,
                        std::string_view type, std::string_view payload,
                        std::optional<std::int64_t> t = {});

}  // namespace domed
