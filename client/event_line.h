#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domed/support/hash.h"

namespace domed {

// A canonical event line, {"job_id":…,"seq":…,"ts":…,"type":…,"payload":…}, taken
// apart without decoding it; behind "ts" some have a "t".  Everything points into the line.
struct EventLine {
  std::string_view job_id;  // a JSON string literal, quotes included
  std::uint64_t seq = 0;
  std::string_view ts;
  // When it happened by its producer's clock, where that is not "ts": microseconds since 1970.
  std::optional<std::int64_t> t;
  std::string_view type;
  std::string_view payload;  // a JSON object
};

// nullopt: "line" (without LF) does not have the canonical form.
std::optional<EventLine> read_event_line(std::string_view line);

// Whether the producer's clock cannot be right: "t" is more than 5 s after the kernel took the
// event, or before "created", when the job was made (0: not known).
bool is_clock_wrong(const EventLine& event, std::int64_t created);

// Whether "event" is the last one of its log.
bool is_terminal(const EventLine& event);
bool is_terminal_state(std::string_view state);

// What a log event says was written: the decoded bytes, with the LF that followed.
struct Output {
  std::string stream, bytes;
};
// nullopt: not a well-formed log payload.
std::optional<Output> read_output(std::string_view payload);

// digest(n) of a log, from digest(0) or from a known digest(n-1) on.
class DigestChain {
 public:
  explicit DigestChain(std::string_view log_id) : digest_(sha256(log_id)) {}
  explicit DigestChain(const Digest& base) : digest_(base) {}

  // "line" without its LF.
  void add(std::string_view line) {
    Sha256 hash;
    hash.update(digest_);
    hash.update(line);
    digest_ = hash.digest();
  }
  const Digest& digest() const { return digest_; }

 private:
  Digest digest_;
};

}  // namespace domed
