// What the console is made of, without HTTP: http.sh has that.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "client/fake_daemon.h"
#include "client/follower.h"
#include "console/answer.h"
#include "console/bucket.h"
#include "console/feed.h"
#include "console/guard.h"
#include "console/head.h"
#include "console/sessions.h"
#include "console/tries.h"

namespace domed::console {
namespace {

using namespace std::chrono_literals;

const std::string kSecret = "a secret of some length";

httplib::Request from(const std::string& host, const std::string& origin = "") {
  httplib::Request out;
  out.method = "GET";
  out.path = "/api/session";
  out.headers.emplace("Host", host);
  if (!origin.empty()) out.headers.emplace("Origin", origin);
  return out;
}

TEST(Guard, TakesNoNameThatSomebodyElseCouldHave) {
  Guard guard(false, {"https://ci.example"});
  guard.listens_at(7480);
  for (const char* host :
       {"127.0.0.1:7480", "[::1]:7480", "localhost:7480", "192.0.2.1:7480", "ci.example"})
    EXPECT_EQ(guard.objection(from(host), true), std::nullopt) << host;
  for (const char* host :
       {"evil.example:7480", "127.0.0.1", "127.0.0.1:7481", "localhost.evil.example:7480",
        "ci.example:7480", "", "[::1", "127.1:7480", "2130706433:7480"})
    EXPECT_NE(guard.objection(from(host), true), std::nullopt) << host;
}

TEST(Guard, TakesNoOriginButItsOwn) {
  Guard guard(false, {"https://ci.example"});
  guard.listens_at(7480);
  for (const char* origin : {"http://127.0.0.1:7480", "https://ci.example"})
    EXPECT_EQ(guard.objection(from("127.0.0.1:7480", origin), true), std::nullopt) << origin;
  for (const char* origin :
       {"null", "http://localhost:7480", "https://127.0.0.1:7480", "http://evil.example"})
    EXPECT_NE(guard.objection(from("127.0.0.1:7480", origin), true), std::nullopt) << origin;
}

TEST(Head, EndsInOneWayOnly) {
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
  const auto read = read_head(post + "Content-Length: 7\r\nrange: bytes=0-\r\n\r\n", 7);
  ASSERT_TRUE(std::holds_alternative<Head>(read));
  EXPECT_EQ(post + "Content-Length: 7\r\n\r\n", std::get<Head>(read).text);
  EXPECT_EQ(7u, std::get<Head>(read).body);
  for (const auto& [head, status] : std::vector<std::pair<std::string, int>>{
           {post, 411},
           {post + "Content-Length: 8\r\n", 413},
           {post + "Content-Length: 7\r\nContent-length: 7\r\n", 400},
           {post + "Content-Length: -1\r\n", 400},
           {post + "Content-Length: 99999999999999999999\r\n", 400},
           {post + "Content-Length : 7\r\n", 400},
           {post + "X: y\r\n Content-Length: 7\r\n", 400},
           {post + "X: y\nContent-Length: 7\r\n", 400},
           {post + "X: y\rContent-Length: 7\r\n", 400},
           {post + std::string("X: \0\r\n", 6), 400},
           {post + "Transfer-Encoding: chunked\r\n", 501},
           {post + "Content-Encoding: gzip\r\nContent-Length: 7\r\n", 415},
           {"GET / HTTP/1.1\r\nContent-Length: 0\r\n", 400},
           {"post / HTTP/1.1\r\nContent-Length: 7\r\n", 400}}) {
    const auto other = read_head(head + "\r\n", 7);
    ASSERT_TRUE(std::holds_alternative<Objection>(other)) << head;
    EXPECT_EQ(status, std::get<Objection>(other).status) << head;
  }
}

TEST(Sessions, ACookieOfWhoKnowsTheSecretOutlivesTheProgram) {
  const std::string cookie = Sessions(kSecret).begin();
  const auto session = Sessions(kSecret).of(cookie);
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->own());
  EXPECT_FALSE(Sessions("another secret, as long").of(cookie)) << "a new secret ends them all";
}

TEST(Sessions, ACookieThatWasChangedIsNobodys) {
  Sessions sessions(kSecret);
  const std::string cookie = sessions.begin();
  for (std::size_t i = 0; i < cookie.size(); ++i) {
    std::string other = cookie;
    other[i] = other[i] == '1' ? '2' : '1';
    EXPECT_FALSE(sessions.of(other)) << i;
  }
  for (const char* other : {"", "own.", "own.99999999999..", "own.99999999999.a.b"})
    EXPECT_FALSE(sessions.of(other)) << other;
}

TEST(Sessions, WhoLogsOutIsOut) {
  Sessions sessions(kSecret);
  const std::string cookie = sessions.begin();
  ASSERT_TRUE(sessions.of(cookie));
  sessions.end(cookie);
  EXPECT_FALSE(sessions.of(cookie));
}

TEST(Sessions, WhoLogsOutIsOutWhenTheProgramStartsAgain) {
  char directory[] = "/tmp/domed-console-XXXXXX";
  ASSERT_TRUE(mkdtemp(directory));
  const std::string file = std::string(directory) + "/ended";
  Sessions before(kSecret, file);
  const std::string cookie = before.begin(), other = before.begin();
  before.end(cookie);
  Sessions after(kSecret, file);
  EXPECT_FALSE(after.of(cookie));
  EXPECT_TRUE(after.of(other));
  std::filesystem::remove_all(directory);
}

TEST(Sessions, ATokensSessionIsKnownToThisProgramAlone) {
  Sessions sessions(kSecret);
  const auto client = std::make_shared<Client>("ipc:///nowhere");
  const std::string cookie = sessions.begin({{"ci", client}}, "token:builds", "a word");
  ASSERT_TRUE(sessions.of(cookie));
  EXPECT_EQ(sessions.of(cookie)->who, "token:builds");
  EXPECT_NE(sessions.of(cookie)->csrf, sessions.of(sessions.begin())->csrf);
  EXPECT_FALSE(Sessions(kSecret).of(cookie));
}

TEST(Sessions, OfOneTokenShareWhatItCosts) {
  Sessions sessions(kSecret);
  const auto session = [&](const std::string& token) {
    const auto client = std::make_shared<Client>("ipc:///nowhere");
    return sessions.of(sessions.begin({{"ci", client}}, "token:builds", token));
  };
  const auto one = session("a word"), two = session("a word"), other = session("another");
  EXPECT_EQ(one->clients.at("ci"), two->clients.at("ci"));
  EXPECT_EQ(one->streams, two->streams);
  EXPECT_NE(one->clients.at("ci"), other->clients.at("ci"));
  EXPECT_NE(one->streams, other->streams);
}

TEST(Bucket, FillsAgain) {
  Bucket bucket(2, 10s);
  const auto now = Bucket::Clock::now();
  EXPECT_TRUE(bucket.take(now) && bucket.take(now));
  EXPECT_FALSE(bucket.take(now));
  EXPECT_TRUE(bucket.take(now + 6s));
  EXPECT_FALSE(bucket.take(now + 6s));
}

TEST(Tries, WhoGuessesKeepsNobodyOut) {
  Tries tries(0ms);
  for (int i = 0; i < 30; ++i) {
    Tries::Try guess(tries, "192.0.2.1");
    EXPECT_EQ(i < 20, guess.was_wrong()) << i;
  }
  const Tries::Try late(tries, "192.0.2.1");
  EXPECT_THROW(Tries::Try(tries, "192.0.2.1"), ApiError) << "they come one by one";
  const Tries::Try other(tries, "192.0.2.2"), third(tries, "192.0.2.2");
}

TEST(Answer, AnErrorsTextIsJsonWhateverIsInIt) {
  const Json out = Json::parse(error_json(ApiError("E_X", "a \"b\"\n\xff", {{"head", 3}})));
  EXPECT_EQ(out.at("error"), "E_X");
  EXPECT_EQ(out.at("head"), 3);
}

struct Logs {
  Logs() : daemon(scratch.path()), client((daemon.start(), daemon.control())) {}

  Scratch scratch;
  FakeDaemon daemon;
  Client client;
};

Bucket::Clock::time_point soon() {
  return Bucket::Clock::now() + 20s;
}

TEST(Feed, ManyWhoLookAreOneFollower) {
  Logs logs;
  logs.daemon.append("log", R"({"stream":"stdout","text":"one"})");
  Feed feed(logs.client, "job-1", 0);
  const auto truth = logs.daemon.lines();
  while (feed.look(0, true, soon()).last < truth.size()) {
  }
  for (int i = 0; i < 100; ++i) {
    const auto look = feed.look(0, true, soon());
    EXPECT_EQ(look.lines, truth);
    EXPECT_EQ(look.log_id, logs.daemon.log_id);
  }
  EXPECT_EQ(logs.client.followers(), 1);
}

TEST(Feed, TellsTheEndToWhoHasSeenAllOfIt) {
  Logs logs;
  Feed feed(logs.client, "job-1", 0);
  logs.daemon.append("log", R"({"stream":"stdout","text":"one"})");
  logs.daemon.finish();
  const std::uint64_t head = logs.daemon.lines().size();
  std::uint64_t cursor = 0;
  while (cursor < head) {
    const auto look = feed.look(cursor, true, soon());
    ASSERT_GT(look.last, cursor);
    cursor = look.last;
  }
  EXPECT_TRUE(feed.look(head, true, soon()).ended);
}

TEST(Feed, WhoIsBehindWhatIsKeptIsToldToPage) {
  Logs logs;
  const std::string text(60'000, 'x');
  for (int i = 0; i < 200; ++i)  // 12 MB, of which 8 MiB are kept
    logs.daemon.append("log", R"({"stream":"stdout","text":")" + text + "\"}");
  const std::uint64_t lines = logs.daemon.lines().size();
  Feed feed(logs.client, "job-1", 0);
  Feed::Look look;
  for (std::uint64_t cursor = lines - 1; look.last < lines;) look = feed.look(cursor, true, soon());
  EXPECT_TRUE(feed.look(0, true, soon()).behind);
  EXPECT_FALSE(feed.look(lines - 10, true, soon()).behind);
  EXPECT_EQ(feed.look(lines - 1, true, soon()).lines.size(), 1u);
}

TEST(Feed, ManyKeepNoMoreThanAFew) {
  Logs logs;
  const std::string text(60'000, 'x');
  for (int i = 0; i < 200; ++i)  // 12 MB, of which each of 16 keeps 4 MiB
    logs.daemon.append("log", R"({"stream":"stdout","text":")" + text + "\"}");
  const std::uint64_t lines = logs.daemon.lines().size();
  std::vector<std::unique_ptr<Feed>> feeds;
  for (int i = 0; i < 15; ++i) feeds.push_back(std::make_unique<Feed>(logs.client, "job-1", lines));
  Feed feed(logs.client, "job-1", 0);
  Feed::Look look;
  for (std::uint64_t cursor = lines - 1; look.last < lines;) look = feed.look(cursor, true, soon());
  EXPECT_TRUE(feed.look(lines - 100, true, soon()).behind);
  EXPECT_FALSE(feed.look(lines - 50, true, soon()).behind);
}

TEST(Feed, AJobThatIsNotThereIsAnError) {
  Logs logs;
  logs.daemon.answer("StreamJobEvents", [](const Json&) -> std::optional<Json> {
    throw ApiError("E_NOT_FOUND", "no");
  });
  Feed feed(logs.client, "job-1", 0);
  const auto look = feed.look(0, true, soon());
  EXPECT_TRUE(look.ended);
  ASSERT_TRUE(look.error);
  EXPECT_EQ(look.error->name(), "E_NOT_FOUND");
}

TEST(Feed, StopsWhoeverWaits) {
  Logs logs;
  Feed feed(logs.client, "job-1", 0);
  std::thread waits([&] { EXPECT_TRUE(feed.look(0, true, soon()).closed); });
  feed.stop();
  waits.join();
}

}  // namespace
}  // namespace domed::console
