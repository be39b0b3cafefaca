#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace domed {

// Decimal digits with an optional sign, and nothing else.
std::optional<std::int64_t> parse_integer(std::string_view text);

// A duration as people write it: a number and one of us ms s m h d ("2s",
// "1.5h", "0s").  Rounded, but never to 0 unless it is.  nullopt: not one.
std::optional<std::chrono::microseconds> parse_duration(std::string_view text);

// A size in bytes: a number and one of B KB MB GB TB (powers of 1000) or
// KiB MiB GiB TiB (powers of 1024); a bare number is bytes.  nullopt: not one.
std::optional<std::uint64_t> parse_size(std::string_view text);

// Microseconds since 1970 by the wall clock, which somebody may set: to say when something
// happened. How long something takes is for a clock that nobody sets (system/boot_clock.h).
std::int64_t now_micros();

// RFC 3339 in UTC with microseconds: "2026-01-31T23:59:59.000001Z".
std::string format_time(std::int64_t microseconds_since_1970);
// Accepts what format_time gives, 1 to 9 fractional digits or none, and a bare
// date.  nullopt: no time of the calendar from year 1 to 9999, which has no leap
// seconds here, or not in UTC.  Before 1970, where a machine without a battery may believe to
// be, the result is negative.
std::optional<std::int64_t> parse_time(std::string_view text);

// "17 B", "1.5 MiB": for people.
std::string format_size(std::uint64_t bytes);

// "1.5s", "3m 20s": for people.
std::string format_duration(std::chrono::microseconds duration);

}  // namespace domed
