#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "domed/store.h"

namespace domed {

// Cuts an entry's span into pieces of at most "most" bytes (or one line), and
// gives "store" each with the index of its first line.
void split_lines(const Entry& entry, std::size_t most,
                 const std::function<void(std::size_t, std::string_view)>& store);

// "lines" without its first "count" lines.
std::string_view skip_lines(std::string_view lines, std::uint64_t count);

// The first "count" lines of "lines", or all that there are.
std::string_view first_lines(std::string_view lines, std::uint64_t count);
std::uint64_t count_lines(std::string_view lines);

// Fills a slice with whole lines until a limit is met.
class SliceFiller {
 public:
  SliceFiller(Slice& slice, std::size_t max_events, std::size_t max_bytes);

  // Takes the lines that still fit; false: the slice is full.
  bool take(std::string_view lines);

 private:
  bool fits(std::size_t bytes) const;
  void expect_more();

  Slice& slice_;
  std::size_t max_events_;
  std::size_t max_bytes_;
};

// Gathers whole lines from the last one back until a limit is met.
class BackwardFiller {
 public:
  BackwardFiller(std::size_t max_events, std::size_t max_bytes);

  // Takes the last ones of "lines", which stand before all that it has, that still fit;
  // false: it is full.
  bool take(std::string_view lines);
  std::size_t count() const { return count_; }
  // Moves the lines into "slice", the first one first.
  void fill(Slice& slice) const;

 private:
  std::vector<std::string> pieces_;  // the last one first
  std::size_t max_events_;
  std::size_t max_bytes_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace domed
