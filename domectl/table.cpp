#include "domectl/table.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "base/units.h"

namespace domed::ctl {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string plain(const OrderedJson& value) {
  return visible(value.is_string() ? value.get<std::string>() : value.dump());
}

// Lists stay in one row: their elements have no names to show.
void flatten(const std::string& key, const OrderedJson& value, Rows& rows) {
  if (!value.is_object()) {
    rows.emplace_back(visible(key), plain(value));
    return;
  }
  for (const auto& [name, inner] : value.items())
    flatten(key.empty() ? name : key + "." + name, inner, rows);
}

}  // namespace

std::string field(const OrderedJson& json, const char* key) {
  const auto found = json.find(key);
  // For a terminal, with what would steer it shown instead: job ids, labels and messages are
  // anybody's text.
  return found == json.end() || found->is_null() ? "" : plain(*found);
}

std::string listing(const OrderedJson& json) {
  Rows rows;
  flatten("", json, rows);
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row.first.size());
  std::string out;
  for (const auto& [key, value] : rows)
    out += key + std::string(width - key.size() + 2, ' ') + value + "\n";
  return out;
}

std::string age(const std::string& time, std::int64_t now) {
  const auto then = parse_time(time);
  if (!then) return "-";
  // The daemon's clock may be ahead of ours.
  const auto seconds = std::max<std::int64_t>(0, (now - *then) / 1'000'000);
  // In the largest unit of which there are two: "1h ago" could be nearly two.
  if (seconds >= 2 * 86400) return std::to_string(seconds / 86400) + "d ago";
  if (seconds >= 2 * 3600) return std::to_string(seconds / 3600) + "h ago";
  if (seconds >= 120) return std::to_string(seconds / 60) + "m ago";
  return std::to_string(seconds) + "s ago";
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

OrderedJson part(const OrderedJson& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_object() ? *found : OrderedJson::object();
}

}  // namespace domed::ctl
