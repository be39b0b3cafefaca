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

TEST(EventLine, HasWhenItHappenedWhereThatIsAnotherTime) {
  const auto with = [](const std::string& t) {
    return R"({"job_id":"j","seq":7,"ts":"2026-01-01T00:00:00.000001Z","t":)" + t +
           R"(,"type":"log","payload":{}})";
  };
  EXPECT_EQ(1'700'000'000'000'000, read_event_line(with("1700000000000000"))->t);
  EXPECT_EQ(-5, read_event_line(with("-5"))->t);
  EXPECT_EQ("log", read_event_line(with("0"))->type);
  EXPECT_FALSE(read_event_line(line("j", "log", "{}"))->t);
  for (const char* bad : {"", "x", "1.5", "\"1\"", "99999999999999999999"})
    EXPECT_FALSE(read_event_line(with(bad))) << bad;
}

TEST(EventLine, KnowsAClockThatCannotBeRight) {
  const std::int64_t ts = 1'767'225'600'000'001;
  const auto wrong = [&](std::optional<std::int64_t> t, std::int64_t created) {
    const std::string text = line("j", "log", "{}");
    auto event = *read_event_line(text);
    event.t = t;
    return is_clock_wrong(event, created);
  };
  EXPECT_FALSE(wrong(ts + 5'000'000, ts));
  EXPECT_TRUE(wrong(ts + 5'000'001, ts));
  EXPECT_FALSE(wrong(ts - 10'000'000, ts - 10'000'000));
  EXPECT_TRUE(wrong(ts - 10'000'001, ts - 10'000'000));
  EXPECT_FALSE(wrong(ts - 10'000'001, 0)) << "when the job was made is not known";
  EXPECT_FALSE(wrong({}, ts + 1));
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
