#include "ws/upgrade.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace domed::ws {
namespace {

Offer offer() {
  Offer out;
  out.path = "/x";
  out.protocol = "rep.sp.nanomsg.org";
  out.origins = {"http://localhost:8080"};
  out.is_ours = [](const std::string& host) { return host == "127.0.0.1" || host == "::1"; };
  return out;
}

using Headers = std::map<std::string, std::string>;

// A good request but for "changed"; an empty value leaves its header out.
std::string request(const Headers& changed = {}, const std::string& line = "GET /x HTTP/1.1") {
  Headers all{{"Host", "127.0.0.1:7401"},      {"Upgrade", "websocket"},
              {"Connection", "Upgrade"},       {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
              {"Sec-WebSocket-Version", "13"}, {"Sec-WebSocket-Protocol", "rep.sp.nanomsg.org"}};
  for (const auto& [name, value] : changed) all[name] = value;
  std::string out = line + "\r\n";
  for (const auto& [name, value] : all)
    if (!value.empty()) out += name + ": " + value + "\r\n";
  return out + "\r\n";
}

// The status of what is replied.
int status(const std::string& head) {
  const Answer found = answer(head, offer());
  EXPECT_EQ(found.accepted, found.bytes.starts_with("HTTP/1.1 101 ")) << found.bytes;
  EXPECT_EQ(found.accepted, found.why.empty());
  EXPECT_EQ(found.accepted, found.bytes.find("Connection: close\r\n") == std::string::npos);
  return std::stoi(found.bytes.substr(9, 3));
}

// RFC 6455's own example.
TEST(Upgrade, IsAgreedToByTheKeyOfTheRequest) {
  const Answer found = answer(request(), offer());
  EXPECT_TRUE(found.accepted);
  EXPECT_EQ(found.bytes,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            "Sec-WebSocket-Protocol: rep.sp.nanomsg.org\r\n\r\n");
}

TEST(Upgrade, IsAskedForInManyWays) {
  for (const Headers& changed : std::vector<Headers>{
           {{"Connection", "keep-alive, upgrade"}},
           {{"Upgrade", "h2c, WebSocket"}},
           {{"Sec-WebSocket-Protocol", "pub.sp.nanomsg.org, rep.sp.nanomsg.org"}},
           {{"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"}},
           {{"Host", "127.0.0.1"}},
           {{"Host", "[::1]:80"}},
           {{"Host", "[::1]"}},
           {{"Content-Length", "0"}},
           {{"Origin", "http://localhost:8080"}}})
    EXPECT_EQ(status(request(changed)), 101) << changed.begin()->first << changed.begin()->second;
  for (const char* line : {"GET /x/ HTTP/1.1", "GET /x?a=b HTTP/1.1"})
    EXPECT_EQ(status(request({}, line)), 101) << line;
}

// As nng asks by an URL that has none.
TEST(Upgrade, MayBeAskedForWithoutAPath) {
  Offer none = offer();
  EXPECT_FALSE(answer(request({}, "GET  HTTP/1.1"), none).accepted);
  for (const char* path : {"", "/"}) {
    none.path = path;
    EXPECT_TRUE(answer(request({}, "GET  HTTP/1.1"), none).accepted);
    EXPECT_TRUE(answer(request({}, "GET / HTTP/1.1"), none).accepted);
  }
}

TEST(Upgrade, IsRefusedWithTheStatusThatSaysWhy) {
  struct {
    int status;
    Headers changed;
    const char* line = "GET /x HTTP/1.1";
  } const cases[] = {
      {404, {}, "GET / HTTP/1.1"},
      {404, {}, "GET /xy HTTP/1.1"},
      {404, {}, "GET /x/y HTTP/1.1"},
      {404, {}, "GET http://127.0.0.1/x HTTP/1.1"},
      {404, {}, "OPTIONS * HTTP/1.1"},
      {405, {}, "POST /x HTTP/1.1"},
      {405, {}, "HEAD /x HTTP/1.1"},
      {505, {}, "GET /x HTTP/1.0"},
      {400, {}, "GET /x"},
      {505, {}, "PRI * HTTP/2.0"},
      {400, {{"Host", ""}}},
      {403, {{"Host", "evil.example:7401"}}},
      {403, {{"Host", "127.0.0.1.evil.example"}}},
      {403, {{"Host", "[127.0.0.1"}}},
      {403, {{"Origin", "http://evil.example"}}},
      {403, {{"Origin", "null"}}},
      {403, {{"Origin", "http://localhost:8080, http://localhost:8080"}}},
      {413, {{"Content-Length", "1"}}},
      {413, {{"Transfer-Encoding", "chunked"}}},
      {426, {{"Upgrade", ""}}},
      {426, {{"Upgrade", "websockets"}}},
      {426, {{"Connection", "keep-alive"}}},
      {426, {{"Sec-WebSocket-Version", "8"}}},
      {426, {{"Sec-WebSocket-Version", ""}}},
      {400, {{"Sec-WebSocket-Key", ""}}},
      {400, {{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"}}},
      {400, {{"Sec-WebSocket-Key", "dGhlIHNhbXBsZQ=="}}},
      {400, {{"Sec-WebSocket-Protocol", ""}}},
      {400, {{"Sec-WebSocket-Protocol", "req.sp.nanomsg.org"}}},
      {400, {{"Sec-WebSocket-Protocol", "REP.sp.nanomsg.org"}}},
  };
  for (const auto& item : cases)
    EXPECT_EQ(status(request(item.changed, item.line)), item.status)
        << request(item.changed, item.line);
}

// Two proxies could take one for the other.
TEST(Upgrade, IsRefusedWhereAHeaderStandsTwice) {
  const auto twice = [](const std::string& header) {
    std::string out = request({{"Origin", "http://localhost:8080"}});
    return out.insert(out.size() - 2, header + "\r\n");
  };
  EXPECT_EQ(status(twice("Host: 127.0.0.1")), 400);
  EXPECT_EQ(status(twice("oRIGIN: http://evil.example")), 403);
  EXPECT_EQ(status(twice("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")), 400);
  EXPECT_EQ(status(twice("Sec-WebSocket-Version: 13")), 426);
}

TEST(Upgrade, IsAskedForByNobodyWhoseRequestIsNonsense) {
  for (const char* text : {"\r\n\r\n", "GET\r\n\r\n", "GET /x HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
                           "GET /x HTTP/1.1\r\nHo st: 127.0.0.1\r\n\r\n",
                           "GET /x HTTP/1.1\r\n: x\r\n\r\n", "GET  /x HTTP/1.1\r\n\r\n",
                           "GET  HTTP/1.1\r\n\r\n", "GET /x HTTP/1.1\r\nContent-Length: x\r\n\r\n"})
    EXPECT_EQ(status(text), 400) << text;
}

// Nothing that a peer sent is said to it, or to the log.
TEST(Upgrade, IsRefusedInOurOwnWordsAlone) {
  const std::string mark = "evil-mark";
  for (const Headers& changed : std::vector<Headers>{{{"Host", mark}}, {{"Origin", mark}}})
    EXPECT_EQ(answer(request(changed), offer()).bytes.find(mark), std::string::npos);
}

TEST(Upgrade, OfRandomBytesDoesNoHarm) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string good = request();
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    for (auto changes = random() % 4; changes > 0; --changes) {
      const std::size_t at = random() % bytes.size();
      if (random() % 3 == 0)
        bytes.erase(at, random() % 20);
      else
        bytes[at] = static_cast<char>(random());
      if (bytes.empty()) bytes = "x";
    }
    answer(bytes, offer());
  }
}

}  // namespace
}  // namespace domed::ws
