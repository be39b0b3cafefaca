#include "base/units.h"

#include <gtest/gtest.h>

namespace domed {
namespace {

using namespace std::chrono_literals;

TEST(Units, ParsesDurations) {
  EXPECT_EQ(2s, parse_duration("2s"));
  EXPECT_EQ(1500ms, parse_duration("1.5s"));
  EXPECT_EQ(720h, parse_duration("30d"));
  for (const char* bad : {"", "s", "2", "2 s", "-1s", "2sec", "1e3s", "99999999999d"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Units, ParsesSizes) {
  EXPECT_EQ(1073741824u, parse_size("1GiB"));
  EXPECT_EQ(5000u, parse_size("5KB"));
  EXPECT_EQ(77u, parse_size("77"));
  for (const char* bad : {"", "GiB", "-1", "1 GiB", "1gib", "99999999TiB"})
    EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Units, WritesTimesThatItReadsBack) {
  for (const std::int64_t t : {0LL, 1LL, 1'700'000'000'123'456LL, 4'102'444'799'999'999LL})
    EXPECT_EQ(t, parse_time(format_time(t))) << format_time(t);
  EXPECT_EQ("1970-01-01T00:00:00.000001Z", format_time(1));
  EXPECT_EQ("1970-01-01T00:00:01.000000Z", format_time(1'000'000));
  EXPECT_EQ("1970-01-01T00:00:00.999999Z", format_time(999'999));
  EXPECT_EQ("1969-12-31T23:59:59.999999Z", format_time(-1));
  EXPECT_EQ(86'400'000'000, parse_time("1970-01-02"));
  EXPECT_EQ(1'500'000, parse_time("1970-01-01T00:00:01.5Z"));
  for (const char* bad :
       {"", "yesterday", "1970-01-01T00:00:00", "1970-13-01", "1970-01-01T25:00:00Z"})
    EXPECT_FALSE(parse_time(bad)) << bad;
}

}  // namespace
}  // namespace domed
