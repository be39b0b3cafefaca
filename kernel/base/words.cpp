#include "base/words.h"

#include <algorithm>

#include "base/json.h"

namespace domed {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string shortened(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most < 3 ? 0 : most - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

std::string with_nul_shown(std::string text) {
  for (std::size_t at = 0; (at = text.find('\0', at)) != std::string::npos;)
    text.replace(at, 1, "\\x00");
  return text;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 120;
  std::string out = "'";
  for (const char c : text.substr(0, kLongest))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  // A character cut in two would make the message invalid UTF-8.
  while (text.size() > kLongest && out.size() > 1 && !is_utf8(out)) out.pop_back();
  return out + (text.size() > kLongest ? "...'" : "'");
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& names) {
  // The work is the product of the lengths, and the word comes from outside.
  if (word.size() > 64) return "";
  // A third of the word may be wrong, and three letters at most: with more, any short name is close
  // to any other, and a wrong hint is worse than none.
  std::size_t best = std::clamp<std::size_t>(word.size() / 3, 1, 3) + 1;
  const std::string* nearest = nullptr;
  for (const auto& name : names)
    if (const auto distance = edit_distance(word, name); distance < best)
      best = distance, nearest = &name;
  return nearest ? " (did you mean " + in_quotes(*nearest) + "?)" : "";
}

}  // namespace domed
