#include "store-sqlite/lines.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace store_tests {
namespace {

using Pieces = std::vector<std::pair<std::size_t, std::string>>;

Pieces split(const std::string& events, std::size_t most) {
  std::vector<std::uint32_t> ends;
  for (std::size_t i = 0; i < events.size(); ++i)
    if (events[i] == '\n') ends.push_back(static_cast<std::uint32_t>(i + 1));
  const domed::Entry entry{.events = events, .ends = ends};
  Pieces pieces;
  domed::split_lines(entry, most, [&](std::size_t first, std::string_view lines) {
    pieces.emplace_back(first, lines);
  });
  return pieces;
}

TEST(Lines, SmallSpanStaysWhole) {
  EXPECT_EQ((Pieces{{0, "a\nb\nc\n"}}), split("a\nb\nc\n", 6));
  EXPECT_EQ(Pieces{}, split("", 6));
}

TEST(Lines, LargeSpanIsCutBetweenLines) {
  EXPECT_EQ((Pieces{{0, "a\nb\n"}, {2, "c\n"}}), split("a\nb\nc\n", 5));
}

TEST(Lines, LineAboveTheLimitIsAPieceOfItsOwn) {
  EXPECT_EQ((Pieces{{0, "a\n"}, {1, "bbbbbbb\n"}, {2, "c\n"}}), split("a\nbbbbbbb\nc\n", 3));
}

TEST(Lines, SkipsWholeLines) {
  EXPECT_EQ("c\n", domed::skip_lines("a\nbb\nc\n", 2));
  EXPECT_EQ("", domed::skip_lines("a\nbb\n", 2));
  EXPECT_EQ("", domed::skip_lines("a\n", 9));
}

TEST(Lines, FillerStopsAtItsLimits) {
  domed::Slice slice;
  domed::SliceFiller filler(slice, 3, 5);
  EXPECT_TRUE(filler.take("a\nb\n"));
  EXPECT_FALSE(filler.take("cc\n"));
  EXPECT_EQ("a\nb\n", slice.events);
  EXPECT_EQ((std::vector<std::uint32_t>{2, 4}), slice.ends);
}

}  // namespace
}  // namespace store_tests
