#include "protocol/event.h"

#include <gtest/gtest.h>

#include "support/harness.h"

namespace domed::test {
namespace {

std::string refusal(const std::string& type, const std::string& payload) {
  return error_name([&] { read_event(type, payload, Author::producer, ""); });
}

TEST(Event, DecodesLogLines) {
  EXPECT_EQ("a\r\n",
            read_event("log", R"({"stream":"stdout","text":"a\r"})", Author::producer, "").bytes);
  EXPECT_EQ(
      "a",
      read_event("log", R"({"text":"a","eol":false,"stream":"x"})", Author::producer, "").bytes);
  EXPECT_EQ("\xff\xfe\n",
            read_event("log", R"({"stream":"stdout","b64":"//4="})", Author::producer, "").bytes);
}

TEST(Event, RefusesLogsThatCannotBeDecoded) {
  for (const char* bad :
       {"{}", R"({"stream":"stdout"})", R"({"text":"a"})", R"({"stream":"s","text":"a","b64":""})",
        R"({"stream":"s","b64":"?"})", R"({"stream":"s","text":"a\nb"})",
        R"({"stream":"","text":"a"})", R"({"stream":"s","text":1})",
        R"({"stream":"s","text":"a","eol":1})", R"({"stream":"a b","text":""})"})
    EXPECT_EQ("E_INVALID_REQUEST", refusal("log", bad)) << bad;
}

TEST(Event, RefusesOtherTypesOutOfShape) {
  EXPECT_EQ("E_INVALID_REQUEST", refusal("progress", R"({"value":1.5})"));
  EXPECT_EQ("E_INVALID_REQUEST", refusal("progress", R"({"value":"1"})"));
  EXPECT_EQ("", refusal("progress", R"({"value":1,"message":"m"})"));
  EXPECT_EQ("E_INVALID_REQUEST", refusal("artifact", R"({"kind":"a"})"));
  const auto artifact = [](const std::string& hash) {
    return refusal("artifact", R"({"kind":"a","path":"p","sha256":")" + hash + "\"}");
  };
  for (const std::string& hash : {std::string("zz"), std::string(64, 'A'), std::string(65, 'a')})
    EXPECT_EQ("E_INVALID_REQUEST", artifact(hash)) << hash;
  EXPECT_EQ("", artifact(std::string(64, 'a')));
  EXPECT_EQ("E_INVALID_REQUEST", refusal("state_change", R"({"to":"running","reason":"exit"})"));
  EXPECT_EQ("E_INVALID_REQUEST", refusal("state_change", R"({"to":"failed","reason":"bored"})"));
  EXPECT_EQ("E_INVALID_REQUEST", refusal("state_change", R"({"to":"failed","exit_code":1.5})"));
  EXPECT_EQ("E_INVALID_REQUEST", refusal("x-a", "[]"));
}

TEST(Event, KernelTypesAreNotForProducers) {
  for (const char* type :
       {"provenance", "provenance_end", "cancel_requested", "", "x-", "x-a b", "LOG"})
    EXPECT_EQ("E_INVALID_REQUEST", refusal(type, "{}")) << type;
  EXPECT_EQ("", refusal("x-anything.you_like", "{}"));
}

std::string refused_batch(const std::string& events) {
  return error_name([&] { read_events(events); });
}

TEST(Event, SaysWhenItHappened) {
  const auto events = read_events(
      R"([{"t":5,"type":"x-a","payload":{}},{"type":"x-a","payload":{},"t":-62135596800000000}])");
  EXPECT_EQ(5, events.at(0).t);
  EXPECT_EQ(-62'135'596'800'000'000, events.at(1).t);
  EXPECT_FALSE(read_events(R"([{"type":"x-a","payload":{}}])").at(0).t);
}

TEST(Event, TimesAreOfAllEventsOfABatchOrOfNone) {
  const std::string with = R"({"type":"x-a","payload":{},"t":5})",
                    without = R"({"type":"x-a","payload":{}})";
  EXPECT_EQ("", refused_batch("[" + with + "," + with + "]"));
  EXPECT_EQ("E_INVALID_REQUEST", refused_batch("[" + with + "," + without + "]"));
  EXPECT_EQ("E_INVALID_REQUEST", refused_batch("[" + without + "," + with + "]"));
}

TEST(Event, ATimeIsAWholeNumberOfTheCalendar) {
  for (const char* bad : {"1.5", "1e3", "\"5\"", "null", "true", "[]", "18446744073709551615",
                          "253402300800000000", "-62135596800000001"})
    EXPECT_EQ("E_INVALID_REQUEST",
              refused_batch(R"([{"type":"x-a","payload":{},"t":)" + std::string(bad) + "}]"))
        << bad;
}

TEST(Event, TellsAnotherTimeFromATenthOfASecondOn) {
  const auto tells = [](std::int64_t t, std::int64_t ts) {
    std::vector<Event> events(2);
    events[0].t = ts, events[1].t = t;
    return tells_another_time(events, ts);
  };
  EXPECT_FALSE(tells(1'000'000, 1'099'999));
  EXPECT_TRUE(tells(1'000'000, 1'100'000));
  EXPECT_FALSE(tells(1'099'999, 1'000'000));
  EXPECT_TRUE(tells(1'100'000, 1'000'000));
  EXPECT_TRUE(tells(-5, 1'000'000));
  EXPECT_FALSE(tells_another_time(std::vector<Event>(2), 0)) << "none has a time";
}

TEST(Event, LinesWithATimeAreReadAsTheyWereWritten) {
  for (const std::int64_t t :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'700'000'000'123'456}}) {
    const std::string line = encode_line("\"j\"", 7, "1969-12-31T23:59:59.000000Z", "x-a", "{}", t);
    EXPECT_NE(std::string::npos,
              line.find(R"(59.000000Z","t":)" + std::to_string(t) + R"(,"type")"));
    EXPECT_EQ(t, read_line(line).event.t);
    EXPECT_EQ(-1'000'000, read_line(line).ts);
  }
  for (const char* bad : {"05", "1.0", "-0", "\"5\"", "null", "18446744073709551615"})
    EXPECT_ANY_THROW(read_line(R"({"job_id":"j","seq":7,"ts":"2026-01-01T00:00:00.000000Z","t":)" +
                               std::string(bad) + R"(,"type":"x-a","payload":{}})"))
        << bad;
  EXPECT_ANY_THROW(read_line(
      R"({"job_id":"j","seq":7,"t":5,"ts":"2026-01-01T00:00:00.000000Z","type":"x-a","payload":{}})"));
}

TEST(Event, LinesOfAnExportAreReadOnlyInCanonicalForm) {
  const std::string line =
      encode_line("\"j\"", 7, "2026-01-01T00:00:00.000000Z", "x-a", R"({"payload":{"a":1}})");
  EXPECT_EQ(7u, read_line(line).seq);
  for (const std::string& bad :
       {" " + line, line + " ", std::string("{}"), std::string("x"),
        R"({"seq":7,"job_id":"j","ts":"2026-01-01T00:00:00.000000Z","type":"x-a","payload":{}})" +
            std::string()})
    EXPECT_ANY_THROW(read_line(bad)) << bad;
}

}  // namespace
}  // namespace domed::test
