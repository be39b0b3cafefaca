#include "client/event_line.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace domed {
namespace {

std::string line(const std::string& job, const std::string& type, const std::string& payload) {
  return R"({"job_id":)" + json_string(job) + R"(,"seq":7,"ts":"2026-01-01T00:00:00.000001Z",)" +
         R"("type":")" + type + R"(","payload":)" + payload + "}";
}

TEST(EventLine, IsTakenApartWithoutDecoding) {
  const std::string text = line("a\"b\\", "log", R"({"stream":"stdout","text":"}\""})");
  const auto event = read_event_line(text);
  ASSERT_TRUE(event);
  EXPECT_EQ(R"("a\"b\\")", event->job_id);
  EXPECT_EQ(7u, event->seq);
  EXPECT_EQ("2026-01-01T00:00:00.000001Z", event->ts);
  EXPECT_EQ("log", event->type);
  EXPECT_EQ(R"({"stream":"stdout","text":"}\""})", event->payload);
}

TEST(EventLine, IsNothingWhereTheFormIsNotCanonical) {
  const std::string good = line("j", "log", "{}");
  for (std::size_t cut = 0; cut < good.size(); ++cut)
    EXPECT_FALSE(read_event_line(good.substr(0, cut))) << cut;
  EXPECT_FALSE(read_event_line(R"({"seq":1,"job_id":"j"})"));
  EXPECT_FALSE(read_event_line(" " + good));
}

TEST(EventLine, KnowsTheTerminalEvent) {
  const auto terminal = [](const std::string& type, const std::string& payload) {
    return is_terminal(*read_event_line(line("j", type, payload)));
  };
  EXPECT_TRUE(terminal("state_change", R"({"from":"running","to":"failed"})"));
  EXPECT_TRUE(terminal("state_change", R"({"to":"canceled"})"));
  EXPECT_FALSE(terminal("state_change", R"({"to":"running"})"));
  EXPECT_FALSE(terminal("log", R"({"to":"failed"})"));
  EXPECT_FALSE(terminal("state_change", R"({"to":3})"));
}

TEST(Output, IsTheBytesThatWereWritten) {
  const auto bytes = [](const std::string& payload) {
    const auto output = read_output(payload);
    return output ? output->stream + ":" + output->bytes : "none";
  };
  EXPECT_EQ("stdout:a\r\n", bytes(R"({"stream":"stdout","text":"a\r"})"));
  EXPECT_EQ("stderr:a", bytes(R"({"stream":"stderr","text":"a","eol":false})"));
  EXPECT_EQ("stdout:\xff\xfe\n", bytes(R"({"stream":"stdout","b64":"//4=","eol":true})"));
  EXPECT_EQ(std::string("s:\0\n", 4), bytes(R"({"stream":"s","text":"\u0000"})"));
  for (const char* bad : {"{}", R"({"stream":"s"})", R"({"stream":"s","b64":"!"})", "[]"})
    EXPECT_EQ("none", bytes(bad)) << bad;
}

TEST(DigestChain, FollowsTheContract) {
  const std::string log_id(32, 'a');
  DigestChain chain(log_id);
  EXPECT_EQ(sha256(log_id), chain.digest());
  chain.add("{}");
  const Digest base = sha256(log_id);
  EXPECT_EQ(sha256(std::string(reinterpret_cast<const char*>(base.data()), 32) + "{}"),
            chain.digest());
}

}  // namespace
}  // namespace domed
