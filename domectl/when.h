#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domectl/context.h"

namespace domed::ctl {

// A point in time as people write it, microseconds since 1970; by "now" where it is a duration, so
// long ago.  In the local time zone, where it names none:
//   10m  2h  "2h ago"  today  yesterday  12:30  12:30:05  2026-01-31  "2026-01-31 12:30"
//   2026-01-31T12:30:05Z  2026-01-31T12:30:05.25+02:00
// nullopt: it is none of these, or no time of the calendar.
std::optional<std::int64_t> parse_when(std::string_view text, std::int64_t now);

// The same by the daemon's clock.  Throws UsageError that names "option".
std::int64_t when_of(Context& context, const std::string& text, const char* option);

// "12:30:05.250" of a day in the local time zone.
std::string local_clock(std::int64_t time);
// "2026-01-31 12:30:05 CET", in the local time zone; "time" as it came where it is no time.
std::string local_time(const std::string& time);

}  // namespace domed::ctl
