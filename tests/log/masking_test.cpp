#include "log/masking.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "log/token.h"
#include "protocol/api_error.h"

namespace domed {
namespace {

const Masks kMasks({"hunter22", "123456", "line1\nline2"}, {});

// The payload that is kept of an event.
std::string kept(const std::string& type, const std::string& payload, std::uint64_t wanted = 1) {
  Event event = read_event(type, payload, Author::producer, "");
  event.t = 7;
  std::uint64_t count = 0;
  mask(event, kMasks, "e: ", count);
  EXPECT_EQ(wanted, count) << payload;
  EXPECT_EQ(7, event.t);
  return event.payload;
}
std::string refusal(const std::string& type, const std::string& payload) try {
  kept(type, payload, 0);
  return "";
} catch (const ApiError& e) {
  return e.what();
}

TEST(Masking, StringsKeysAndNumbersOfEvents) {
  EXPECT_EQ(R"({"message":"a *** b"})", kept("error", R"({"message":"a hunter22 b"})"));
  EXPECT_EQ(R"({"a":[{"b":"***"}]})", kept("x-mine", R"({"a":[{"b":"hunter22"}]})"));
  EXPECT_EQ(R"({"***":1})", kept("x-mine", R"({"hunter22":1})"));
  EXPECT_EQ(R"({"pin":"***","n":[1.50,"***"]})",
            kept("x-mine", R"({"pin":123456,"n":[1.50,-0.123456e3]})", 2));
  EXPECT_EQ(R"({"value":0.5,"message":"***"})",
            kept("progress", R"({"value":0.5,"message":"hunter22"})"));
}

TEST(Masking, EscapesDoNotHideASecret) {
  EXPECT_EQ(R"({"m":"***"})", kept("x-mine", R"({"m":"\u0068unter22"})"));
  EXPECT_EQ(R"({"m":"<***>"})", kept("x-mine", R"({"m":"<line1\nline2>"})"));
}

TEST(Masking, WhatHasNoSecretStaysByteForByte) {
  for (const char* payload :
       {R"({"b":1.10,"a":"x\/y\u0041","n":98765432109876543210})", R"({"m":"hunter2\\2"})"})
    EXPECT_EQ(payload, kept("x-mine", payload, 0));
}

TEST(Masking, OutputAsTextAndAsBytes) {
  EXPECT_EQ(R"({"stream":"stdout","text":"***"})",
            kept("log", R"({"stream":"stdout","text":"hunter22"})"));
  const std::string bytes = "\xff hunter22";
  Event event = read_event("log", R"({"stream":"stdout","b64":")" + to_base64(bytes) + R"("})",
                           Author::producer, "");
  std::uint64_t count = 0;
  mask(event, kMasks, "", count);
  EXPECT_EQ("\xff ***\n", event.bytes) << "totals are of what is kept";
  EXPECT_EQ(R"({"stream":"stdout","b64":")" + to_base64("\xff ***") + R"("})", event.payload);
}

// Loudly, for what was meant cannot be stored without it.
TEST(Masking, WhereNoMaskFitsTheEventIsRefused) {
  EXPECT_NE("", refusal("x-hunter22", "{}"));
  EXPECT_NE("", refusal("x-mine", R"({"hunter22":1,"***":2})")) << "two keys would be one";
  EXPECT_NE("", refusal("log", R"({"stream":"hunter22","text":"x"})"));
  EXPECT_EQ(std::string::npos, refusal("x-hunter22", "{}").find("hunter22"));
}

TEST(Masking, AJobsSecretsAreThoseOfItsRequestItsToolAndItsTokens) {
  JobFixed job;
  job.request = {{"env", {{"A", "open-value"}}}, {"secret_env", {{"B", "of-request"}}}};
  job.tool = {{"secret_env", {{"C", "of-tool"}}}};
  const std::string token(32, 'a');
  EXPECT_EQ((std::vector<std::string>{"of-request", "of-tool", token, job_token(token)}),
            secrets_of(job, token));
}

}  // namespace
}  // namespace domed
