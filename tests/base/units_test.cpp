#include "base/units.h"

#include <gtest/gtest.h>

namespace domed {
namespace {

using namespace std::chrono_literals;

TEST(Units, ParsesDurations) {
  EXPECT_EQ(2s, parse_duration("2s"));
  EXPECT_EQ(1500ms, parse_duration("1.5s"));
  EXPECT_EQ(720h, parse_duration("30d"));
  for (const char* bad :
       {"", "s", "2", "2 s", "-1s", "2sec", "1e3s", "99999999999d", "nans", "infs"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Units, ParsesSizes) {
  EXPECT_EQ(1073741824u, parse_size("1GiB"));
  EXPECT_EQ(5000u, parse_size("5KB"));
  EXPECT_EQ(77u, parse_size("77"));
  for (const char* bad : {"", "GiB", "-1", "1 GiB", "1gib", "99999999TiB", "nan", "inf"})
    EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Units, RoundsNothingToNone) {
  EXPECT_EQ(0us, parse_duration("0s"));
  for (const char* tiny : {"0.1us", "0.0004ms", "0.0000001s", "0.00000000001d"})
    EXPECT_EQ(1us, parse_duration(tiny)) << tiny;
  EXPECT_EQ(1u, parse_size("0.001B"));
  EXPECT_EQ(1u, parse_size("0.0000001KiB"));
  EXPECT_EQ(0u, parse_size("0.0"));
}

TEST(Units, KnowsTheCalendar) {
  for (const char* good :
       {"2028-02-29", "2000-02-29", "2027-02-28", "2027-12-31T23:59:59.999999999Z", "9999-12-31",
        "1970-01-01T00:00:00Z", "1969-12-31", "0001-01-01"})
    EXPECT_TRUE(parse_time(good)) << good;
  for (const char* bad : {"2027-02-29",
                          "2027-02-31",
                          "2100-02-29",
                          "2027-04-31",
                          "2027-06-31",
                          "2027-09-31",
                          "2027-11-31",
                          "2027-01-32",
                          "2027-01-00",
                          "2027-00-01",
                          "0000-12-31",
                          "10000-01-01",
                          "2027-01-01T24:00:00Z",
                          "2027-01-01T23:60:00Z",
                          "2027-06-15T12:00:60Z",
                          "2016-12-31T23:59:60Z",
                          "2027-01-01T00:00:00+01:00",
                          "2027-01-01T00:00:00-00:00",
                          "2027-01-01T00:00:00.Z",
                          "2027-01-01T00:00:00.123456xZ",
                          "2027-01-01T00:00:00.1234567890Z",
                          "2027-1-1",
                          "2027-01-01 00:00:00Z",
                          "2027-01-01T00:00Z",
                          "+027-01-01",
                          "2027-01-01T"})
    EXPECT_FALSE(parse_time(bad)) << bad;
}

TEST(Units, WritesTimesThatItReadsBack) {
  for (const std::int64_t t : {0LL, 1LL, -1LL, -86'400'000'001LL, -62'135'596'800'000'000LL,
                               1'700'000'000'123'456LL, 4'102'444'799'999'999LL})
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
