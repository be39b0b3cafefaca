#include "base/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <iterator>
#include <limits>
#include <utility>

namespace domed {
namespace {

template <std::size_t N>
std::optional<double> scaled(std::string_view text,
                             const std::array<std::pair<std::string_view, double>, N>& units) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !(number >= 0)) return std::nullopt;  // nor "nan"
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const auto& [name, factor] : units)
    if (unit == name) return number * factor;
  return std::nullopt;
}

// Nothing becomes 0, which often means "no limit", but what is 0.
std::int64_t rounded(double value) {
  return value > 0 ? std::max<std::int64_t>(1, std::llround(value)) : 0;
}

// Two digits at "at"; -1 where they are not digits.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  if (at + count > text.size()) return -1;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<std::int64_t> fraction(std::string_view text) {
  if (text.empty() || text.size() > 9) return std::nullopt;
  std::int64_t micros = 0;
  if (text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  // What lies behind the microsecond is cut: rounding could carry into another second, day or year,
  // and make a time later than it was.
  for (std::size_t i = 0; i < 6; ++i) micros = micros * 10 + (i < text.size() ? text[i] - '0' : 0);
  return micros;
}

int days_in(int year, int month) {
  static constexpr std::array kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays.at(static_cast<std::size_t>(month) - 1);
}

}  // namespace

std::int64_t now_micros() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 6> kUnits{
      {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {"d", 86400e6}}};
  const auto value = scaled(text, kUnits);
  // 3,000 years: a few of them can still be added without overflow.
  if (!value || *value > 1e17) return std::nullopt;
  return std::chrono::microseconds(rounded(*value));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 10> kUnits{
      {{"", 1},
       {"B", 1},
       {"KB", 1e3},
       {"MB", 1e6},
       {"GB", 1e9},
       {"TB", 1e12},
       {"KiB", 1024.0},
       {"MiB", 1048576.0},
       {"GiB", 1073741824.0},
       {"TiB", 1099511627776.0}}};
  const auto value = scaled(text, kUnits);
  if (!value || *value > 9e15) return std::nullopt;
  return static_cast<std::uint64_t>(rounded(*value));
}

namespace {

std::string format_second(std::time_t second) {
  std::tm utc{};
  gmtime_r(&second, &utc);
  char out[64];
  std::snprintf(out, sizeof out, "%04d-%02d-%02dT%02d:%02d:%02d.000000Z", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return out;
}

}  // namespace

// Every event has a time, and most of them the same second as the one before.
std::string format_time(std::int64_t microseconds) {
  thread_local std::int64_t known = 0;
  thread_local std::string text = format_second(0);
  std::int64_t seconds = microseconds / 1'000'000;
  std::int64_t rest = microseconds % 1'000'000;
  if (rest < 0) rest += 1'000'000, --seconds;
  if (seconds != known) text = format_second(known = seconds);
  std::string out = text;
  for (std::size_t digit = out.size() - 2; rest > 0; --digit, rest /= 10)
    out[digit] = static_cast<char>('0' + rest % 10);
  return out;
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  std::tm utc{};
  const int year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
    return std::nullopt;
  // The digits were looked at first: there are ten characters, then.
  if (text[4] != '-' || text[7] != '-') return std::nullopt;
  utc.tm_year = year - 1900, utc.tm_mon = month - 1, utc.tm_mday = day;
  std::int64_t micros = 0;
  if (text.size() > 10) {
    const int hour = digits(text, 11, 2), minute = digits(text, 14, 2),
              second = digits(text, 17, 2);
    if (text[10] != 'T' || text.back() != 'Z' || text.size() < 20) return std::nullopt;
    if (text[13] != ':' || text[16] != ':') return std::nullopt;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
      return std::nullopt;
    utc.tm_hour = hour, utc.tm_min = minute, utc.tm_sec = second;
    if (text.size() > 20) {
      if (text[19] != '.') return std::nullopt;
      const auto part = fraction(text.substr(20, text.size() - 21));
      if (!part) return std::nullopt;
      micros = *part;
    }
  }
  return static_cast<std::int64_t>(timegm(&utc)) * 1'000'000 + micros;
}

std::string format_size(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string format_duration(std::chrono::microseconds duration) {
  const double seconds = static_cast<double>(duration.count()) / 1e6;
  char out[64];
  if (seconds < 1)
    std::snprintf(out, sizeof out, "%.0fms", seconds * 1e3);
  else if (seconds < 60)
    std::snprintf(out, sizeof out, "%.1fs", seconds);
  else if (seconds < 3600)
    std::snprintf(out, sizeof out, "%dm %02ds", static_cast<int>(seconds) / 60,
                  static_cast<int>(seconds) % 60);
  else
    std::snprintf(out, sizeof out, "%dh %02dm", static_cast<int>(seconds) / 3600,
                  static_cast<int>(seconds) / 60 % 60);
  return out;
}

}  // namespace domed
