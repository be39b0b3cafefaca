#include "domectl/when.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "base/units.h"

namespace domed::ctl {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

// What stands in "text" at the places of the letters in "form", such as "YYYY-MM-DD": digits, and
// all else as it is.
bool fits(std::string_view text, std::string_view form) {
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] == '0' ? !std::isdigit(static_cast<unsigned char>(text[i])) : text[i] != form[i])
      return false;
  return true;
}

int number(std::string_view text, std::size_t at, std::size_t size) {
  int out = 0;
  std::from_chars(text.data() + at, text.data() + at + size, out);
  return out;
}

std::tm local(std::int64_t time) {
  const auto seconds = static_cast<std::time_t>(time / kSecond);
  std::tm out{};
  localtime_r(&seconds, &out);
  return out;
}

// nullopt where the calendar has no such time: mktime() would take the 31st of February for the 3rd
// of March.
std::optional<std::int64_t> micros(std::tm time) {
  const std::tm asked = time;
  time.tm_isdst = -1;
  const std::time_t seconds = std::mktime(&time);
  if (seconds == -1 || time.tm_mday != asked.tm_mday || time.tm_mon != asked.tm_mon ||
      time.tm_min != asked.tm_min)
    return std::nullopt;
  return static_cast<std::int64_t>(seconds) * kSecond;
}

// "12:30" or "12:30:05" into "time".
bool take_clock(std::string_view text, std::tm& time) {
  if (!fits(text, "00:00") && !fits(text, "00:00:00")) return false;
  time.tm_hour = number(text, 0, 2), time.tm_min = number(text, 3, 2);
  time.tm_sec = text.size() > 5 ? number(text, 6, 2) : 0;
  return time.tm_hour < 24 && time.tm_min < 60 && time.tm_sec < 60;
}

bool take_date(std::string_view text, std::tm& time) {
  if (!fits(text, "0000-00-00")) return false;
  time.tm_year = number(text, 0, 4) - 1900, time.tm_mon = number(text, 5, 2) - 1;
  time.tm_mday = number(text, 8, 2);
  return true;
}

// "...+02:00", by the same time in UTC.
std::optional<std::int64_t> with_offset(std::string_view text) {
  if (text.size() < 16 || !(fits(text.substr(text.size() - 6), "+00:00") ||
                            fits(text.substr(text.size() - 6), "-00:00")))
    return std::nullopt;
  const std::string_view offset = text.substr(text.size() - 6);
  const int minutes = number(offset, 1, 2) * 60 + number(offset, 4, 2);
  const auto utc = parse_time(std::string(text.substr(0, text.size() - 6)) + "Z");
  if (!utc || minutes >= 24 * 60) return std::nullopt;
  return *utc - (offset[0] == '-' ? -minutes : minutes) * 60 * kSecond;
}

}  // namespace

std::optional<std::int64_t> parse_when(std::string_view text, std::int64_t now) {
  constexpr std::string_view kAgo = " ago";
  const std::string_view span =
      text.ends_with(kAgo) ? text.substr(0, text.size() - kAgo.size()) : text;
  // "-1h" as journalctl takes it.
  if (const auto back = parse_duration(span.substr(span.starts_with('-'))))
    return now - back->count();
  if (text == "now") return now;
  std::tm time = local(now);
  std::tm day = time;
  day.tm_hour = day.tm_min = day.tm_sec = 0;
  if (text == "today") return micros(day);
  if (text == "yesterday") {
    // At noon, for a day may have 23 hours.
    day.tm_hour = 12;
    const auto noon = micros(day);
    if (!noon) return std::nullopt;
    day = local(*noon - 24 * 3600 * kSecond);
    day.tm_hour = 0;
    return micros(day);
  }
  if (take_clock(text, time)) return micros(time);
  if (text.size() >= 10 && take_date(text.substr(0, 10), day)) {
    if (text.size() == 10) return micros(day);
    if ((text[10] == ' ' || text[10] == 'T') && take_clock(text.substr(11), day))
      return micros(day);
  }
  if (const auto utc = parse_time(text)) return utc;
  return with_offset(text);
}

std::int64_t when_of(Context& context, const std::string& text, const char* option) {
  if (const auto time = parse_when(text, context.daemon_now())) return *time;
  throw UsageError(
      std::string(option) + " '" + text +
      "' is no time: write 10m (so long ago), now, today, 12:30, '2026-01-31 12:30' or "
      "2026-01-31T12:30:00Z");
}

std::string local_clock(std::int64_t time) {
  const std::tm there = local(time);
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), "%02d:%02d:%02d.%03d", there.tm_hour, there.tm_min,
                there.tm_sec, static_cast<int>(time / 1000 % 1000));
  return out.data();
}

std::string local_time(const std::string& time) {
  const auto micros_since = parse_time(time);
  if (!micros_since) return time;
  const std::tm there = local(*micros_since);
  std::array<char, 64> out{};
  const std::size_t size = std::strftime(out.data(), out.size(), "%Y-%m-%d %H:%M:%S %Z", &there);
  return std::string(out.data(), size);
}

}  // namespace domed::ctl
