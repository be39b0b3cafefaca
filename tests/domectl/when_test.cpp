#include "domectl/when.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "base/units.h"

namespace domed::ctl {
namespace {

// Central European time by its rule, which needs no data base of zones.
class When : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
  }
  void TearDown() override {
    unsetenv("TZ");
    tzset();
  }
  // In UTC, by the clock of noon there; "" where it is no time.
  std::string utc(std::string_view text) const {
    const auto time = parse_when(text, *parse_time("2026-07-15T10:00:00Z"));
    return time ? format_time(*time).substr(0, 19) : "";
  }
};

TEST_F(When, SoLongAgo) {
  EXPECT_EQ("2026-07-15T09:50:00", utc("10m"));
  EXPECT_EQ("2026-07-15T08:00:00", utc("2h ago"));
  EXPECT_EQ("2026-07-15T09:00:00", utc("-1h")) << "as journalctl takes it";
  EXPECT_EQ("2026-07-15T10:00:00", utc("now"));
}

TEST_F(When, InTheLocalZone) {
  EXPECT_EQ("2026-07-15T06:30:00", utc("08:30"));
  EXPECT_EQ("2026-07-15T06:30:05", utc("08:30:05"));
  EXPECT_EQ("2026-07-14T22:00:00", utc("today"));
  EXPECT_EQ("2026-07-13T22:00:00", utc("yesterday"));
  EXPECT_EQ("2026-01-30T23:00:00", utc("2026-01-31")) << "that day has winter time";
  EXPECT_EQ("2026-01-31T11:30:00", utc("2026-01-31 12:30"));
  EXPECT_EQ("2026-01-31T11:30:05", utc("2026-01-31T12:30:05"));
}

TEST_F(When, InAnother) {
  EXPECT_EQ("2026-01-31T12:30:05", utc("2026-01-31T12:30:05Z"));
  EXPECT_EQ("2026-01-31T10:30:05", utc("2026-01-31T12:30:05.25+02:00"));
  EXPECT_EQ("2026-01-31T17:30:05", utc("2026-01-31T12:30:05-05:00"));
}

TEST_F(When, WhatIsNoTimeIsNone) {
  for (const char* text : {"", "soon", "24:00", "12:60", "2026-02-31", "2026-13-01", "2026-01-31 ",
                           "2026-01-31T12:30:05+25:00", "12:3", "10", "ago", "-", "--1h", "-12:30"})
    EXPECT_EQ("", utc(text)) << text;
}

TEST_F(When, IsShownWithItsZone) {
  EXPECT_EQ("2026-01-31 13:30:05 CET", local_time("2026-01-31T12:30:05.250000Z"));
  EXPECT_EQ("2026-07-31 14:30:05 CEST", local_time("2026-07-31T12:30:05Z"));
  EXPECT_EQ("no time", local_time("no time"));
  EXPECT_EQ("13:30:05.250", local_clock(*parse_time("2026-01-31T12:30:05.250999Z")));
}

}  // namespace
}  // namespace domed::ctl
