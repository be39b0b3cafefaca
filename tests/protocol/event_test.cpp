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
