#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "client/event_line.h"
#include "domectl/context.h"
#include "search/matcher.h"

namespace domed::ctl {

// What of a job's log somebody wants to see, as it was typed.
struct View {
  std::string since, until;         // each an event's number, or a time
  std::optional<std::size_t> tail;  // lines of output
  std::string stream;
  std::string grep;                   // a pattern; "fixed": the text itself
  std::size_t before = 0, after = 0;  // lines around what matches it
  bool fixed = false, times = false, raw = false;
  std::string level;  // error events that are so grave or graver, and nothing else
  // Whether it leaves out anything of the events that there are.
  bool sifts() const { return matcher || !stream.empty() || !level.empty(); }
  std::optional<Matcher> matcher = {};  // made of "grep" by check_view()
};

void add_view_options(CLI::App& verb, View& view);
// The same as words of a command line.
std::vector<std::string> flags_of(const View& view);
// Throws UsageError where what was typed makes no sense.
void check_view(View& view);

// Which events those are.
struct Range {
  std::string log_id;                    // empty: whichever it is
  std::uint64_t since_seq = 0;           // behind this one
  std::uint64_t until_seq = UINT64_MAX;  // up to and with this one
  std::optional<std::chrono::steady_clock::time_point> deadline =
      {};  // where that is a time to come
};

// Finds them by a few short pages, however long the log is.  Throws UsageError.
Range range_of(Context& context, const std::string& job_id, const View& view,
               const std::stop_token& stop = {});

// An error event as people read it.
struct Complaint {
  std::string level, text;  // the level is one of kLevels, "error" where the event has none of them
};
inline constexpr std::array<const char*, 4> kLevels{"debug", "info", "warning", "error"};
Complaint read_complaint(std::string_view payload);
// Whether the view, which names a level, shows this event.
bool shows_complaint(const View& view, const EventLine& event);

// Whether the view shows this output.
bool shows(const View& view, const Output& output);

}  // namespace domed::ctl
