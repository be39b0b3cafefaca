#include "lines.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace domed {
namespace {

// The offset behind the first LF of "lines"; all of them where there is none.
std::size_t line_end(std::string_view lines) {
  const void* lf = std::memchr(lines.data(), '\n', lines.size());
  if (lf == nullptr) return lines.size();
  return static_cast<std::size_t>(static_cast<const char*>(lf) - lines.data()) + 1;
}

// The offset of the last line of "lines".
std::size_t line_begin(std::string_view lines) {
  const void* lf = memrchr(lines.data(), '\n', lines.size() - 1);
  if (lf == nullptr) return 0;
  return static_cast<std::size_t>(static_cast<const char*>(lf) - lines.data()) + 1;
}

}  // namespace

void split_lines(const Entry& entry, std::size_t most,
                 const std::function<void(std::size_t, std::string_view)>& store) {
  std::size_t first = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < entry.ends.size(); ++i) {
    const bool last = i + 1 == entry.ends.size();
    if (!last && entry.ends[i + 1] - begin <= most) continue;
    store(first, entry.events.substr(begin, entry.ends[i] - begin));
    first = i + 1;
    begin = entry.ends[i];
  }
}

std::string_view skip_lines(std::string_view lines, std::uint64_t count) {
  for (; count > 0 && !lines.empty(); --count) lines.remove_prefix(line_end(lines));
  return lines;
}

std::string_view first_lines(std::string_view lines, std::uint64_t count) {
  return lines.substr(0, lines.size() - skip_lines(lines, count).size());
}

std::uint64_t count_lines(std::string_view lines) {
  std::uint64_t count = 0;
  for (; !lines.empty(); ++count) lines.remove_prefix(line_end(lines));
  return count;
}

// Offsets in a slice have 32 bits.
SliceFiller::SliceFiller(Slice& slice, std::size_t max_events, std::size_t max_bytes)
    : slice_(slice),
      max_events_(max_events),
      max_bytes_(std::min<std::size_t>(max_bytes, std::numeric_limits<std::uint32_t>::max())) {}

// The first line always fits.
bool SliceFiller::fits(std::size_t bytes) const {
  return slice_.ends.empty() || (slice_.ends.size() < max_events_ && bytes <= max_bytes_);
}

// The lines to come are taken to be as long as the first ones: room made once spares
// copying what is there each time it grows.
void SliceFiller::expect_more() {
  if (slice_.ends.empty()) return;
  const std::size_t line = slice_.events.size() / slice_.ends.size();
  const std::size_t left =
      std::min<std::uint64_t>(slice_.job.head_seq - slice_.from + 1, max_events_);
  const std::size_t lines = std::min(left, max_bytes_ / line + 1);
  slice_.ends.reserve(lines);
  slice_.events.reserve(std::min(lines * line, max_bytes_));
}

bool SliceFiller::take(std::string_view lines) {
  const bool first = slice_.ends.empty();
  const std::size_t base = slice_.events.size();
  std::size_t taken = 0;
  bool full = false;
  while (taken < lines.size()) {
    const std::size_t end = taken + line_end(lines.substr(taken));
    full = !fits(base + end);
    if (full) break;
    taken = end;
    slice_.ends.push_back(static_cast<std::uint32_t>(base + end));
  }
  slice_.events.append(lines, 0, taken);
  if (first && !full) expect_more();
  return !full;
}

BackwardFiller::BackwardFiller(std::size_t max_events, std::size_t max_bytes)
    : max_events_(max_events),
      max_bytes_(std::min<std::size_t>(max_bytes, std::numeric_limits<std::uint32_t>::max())) {}

bool BackwardFiller::take(std::string_view lines) {
  std::size_t begin = lines.size();
  bool full = false;
  while (begin > 0) {
    const std::size_t line = line_begin(lines.substr(0, begin));
    const std::size_t bytes = bytes_ + begin - line;
    full = count_ > 0 && (count_ >= max_events_ || bytes > max_bytes_);
    if (full) break;
    begin = line;
    bytes_ = bytes;
    ++count_;
  }
  pieces_.emplace_back(lines.substr(begin));
  return !full;
}

void BackwardFiller::fill(Slice& slice) const {
  slice.events.reserve(bytes_);
  for (auto piece = pieces_.rbegin(); piece != pieces_.rend(); ++piece) slice.events += *piece;
  slice.ends.reserve(count_);
  for (std::size_t end = 0; end < slice.events.size();) {
    end += line_end(std::string_view(slice.events).substr(end));
    slice.ends.push_back(static_cast<std::uint32_t>(end));
  }
}

}  // namespace domed
