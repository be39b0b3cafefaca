#include "client/page.h"

#include <gtest/gtest.h>

#include "client/client.h"
#include "protocol/api_error.h"

namespace domed {
namespace {

constexpr const char* kUrl = "ipc:///nowhere";

std::string refusal(std::string_view reply) {
  try {
    return "accepted " + result_of(reply, kUrl);
  } catch (const ApiError& e) {
    return e.name() + ": " + e.what();
  }
}

TEST(Reply, GivesTheResultsOwnBytes) {
  EXPECT_EQ(R"({"b":1.0,"a":[{"x":"}"}]})",
            result_of(R"({"jsonrpc":"2.0","id":1,"result":{"b":1.0,"a":[{"x":"}"}]} })", kUrl));
  EXPECT_EQ("{}", result_of(R"({"result":{},"id":null})", kUrl));
}

TEST(Reply, GivesTheResultOfOurOwnFormAsItIs) {
  EXPECT_EQ(R"({"a":"}}","b":{}})",
            result_of(R"({"jsonrpc":"2.0","id":12,"result":{"a":"}}","b":{}}})", kUrl));
}

TEST(Reply, ThrowsTheErrorItCarries) {
  try {
    result_of(R"({"id":1,"error":{"code":-32000,"message":"no job","data":)"
              R"({"error":"E_GONE","retryable":false,"head":7}}})",
              kUrl);
    FAIL() << "no error";
  } catch (const ApiError& e) {
    EXPECT_EQ("E_GONE", e.name());
    EXPECT_STREQ("no job", e.what());
    EXPECT_EQ(7u, number_field(e, "head"));
    EXPECT_FALSE(is_retryable(e));
  }
}

TEST(Reply, IsNamedWhereItIsNone) {
  for (const char* bad : {"", "hello", "{}", "[]", R"({"result":3})", R"({"result":{)",
                          R"({"error":{}})", R"({"error":"x"})", "\xff"})
    EXPECT_EQ(0u, refusal(bad).find("E_PROTOCOL: ipc:///nowhere sent what is not")) << refusal(bad);
}

TEST(Reply, RetriesWhatTheDaemonCallsRetryable) {
  EXPECT_TRUE(is_retryable(ApiError("E_NEW", "", {{"retryable", true}})));
  EXPECT_FALSE(is_retryable(ApiError("E_BUSY", "", {{"retryable", false}})));
  EXPECT_TRUE(is_retryable(ApiError("E_BUSY", "")));
  EXPECT_TRUE(is_retryable(ApiError("E_UNREACHABLE", "")));
  EXPECT_EQ(std::chrono::milliseconds(20),
            retry_after(ApiError("E_BUSY", "", {{"retry_ms", 20u}})));
}

TEST(Page, KeepsTheBytesOfEveryLine) {
  Page page;
  page.bytes = R"({"log_id":"l","first_seq":1,"head_seq":3,"state":"running","events":)"
               R"([{"seq":1,"n":1.0E+2,"s":"\u00e9]"} , {"seq":2}
                   ,{"a":{"b":[]}}],"more":true,"final":false,"new":{"x":1},"events_urls":["ipc://a","tcp://b"]})";
  read_page(page);
  EXPECT_EQ((std::vector<std::string_view>{R"({"seq":1,"n":1.0E+2,"s":"\u00e9]"})", R"({"seq":2})",
                                           R"({"a":{"b":[]}})"}),
            page.lines);
  EXPECT_EQ("l", page.log_id);
  EXPECT_EQ(3u, page.head_seq);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(2u, page.events_urls.size());
}

TEST(Page, IsRefusedWhereItIsNone) {
  for (const char* bad :
       {"{}", R"({"log_id":1})", R"({"log_id":"l","events":[1]})",
        R"({"log_id":"l","events":[{"a":1])", R"({"log_id":"l","head_seq":-1})"}) {
    Page page;
    page.bytes = bad;
    EXPECT_THROW(read_page(page), ApiError) << bad;
  }
}

}  // namespace
}  // namespace domed
