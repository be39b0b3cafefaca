#include "probes/probes.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "domed/error.h"
#include "system/fd.h"

namespace domed {
namespace {

class ProbesTest : public testing::Test {
 protected:
  // A connection that says "text".
  Fd say(const std::string& text) {
    Fd out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::string address = probes.address();
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    place.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    const timeval patience{20, 0};
    ::setsockopt(out.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(0, ::connect(out.get(), reinterpret_cast<sockaddr*>(&place), sizeof place));
    ::send(out.get(), text.data(), text.size(), MSG_NOSIGNAL);
    return out;
  }
  // All that is said there until it is ended.
  static std::string heard(const Fd& connection) {
    std::array<char, 4096> bytes;
    std::string out;
    ssize_t got = 0;
    while ((got = ::recv(connection.get(), bytes.data(), bytes.size(), 0)) > 0)
      out.append(bytes.data(), static_cast<std::size_t>(got));
    return got == 0 || errno == ECONNRESET ? out : "it is not ended";
  }
  std::pair<int, std::string> ask(const std::string& head, const std::string& body = "") {
    const std::string answer = heard(say(head + "\r\n" + body));
    if (!answer.starts_with("HTTP/1.1 ")) return {0, answer};
    return {std::stoi(answer.substr(9)), answer.substr(answer.find("\r\n\r\n") + 4)};
  }
  std::pair<int, std::string> get(const std::string& path, const std::string& host = "127.0.0.1",
                                  const std::string& more = "") {
    return ask("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + more);
  }

  std::string troubles;
  Probes probes{"127.0.0.1:0", {[] { return std::string("a 1\n"); }, [this] { return troubles; }}};
};

using Answer = std::pair<int, std::string>;

TEST_F(ProbesTest, TellMetricsAndWhetherAllWorks) {
  EXPECT_EQ(Answer(200, "a 1\n"), get("/metrics"));
  EXPECT_EQ(Answer(200, "ok\n"), get("/healthz"));
  EXPECT_EQ(Answer(200, "ok\n"), get("/readyz"));
  EXPECT_EQ(Answer(200, ""), ask("HEAD /metrics?x HTTP/1.1\r\nHost: 127.0.0.1\r\n"));
  troubles = "the store keeps nothing at the moment\n";
  EXPECT_EQ(Answer(503, troubles), get("/readyz"));
  EXPECT_EQ(Answer(200, "ok\n"), get("/healthz")) << "a restart would mend nothing";
  EXPECT_EQ(404, get("/").first);
}

// A browser on this machine asks for whatever page it shows, under that page's name.
TEST_F(ProbesTest, AForeignPageGetsNothing) {
  EXPECT_EQ(403, get("/metrics", "evil.example:9464").first);
  EXPECT_EQ(403, get("/metrics", "127.0.0.1.evil.example").first);
  EXPECT_EQ(200, get("/metrics", "localhost:9464").first);
  EXPECT_EQ(200, get("/metrics", "[::1]:9464").first);
}

TEST_F(ProbesTest, NothingCanBeSent) {
  const std::string post = "POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  EXPECT_EQ(405, ask(post + "Content-Length: 9\r\n", "123456789").first);
  EXPECT_EQ(405, ask(post + "Transfer-Encoding: chunked\r\n", "ffffff\r\n").first);
  EXPECT_EQ(400, get("/metrics", "127.0.0.1", "Content-Length: 9\r\n").first);
  EXPECT_EQ(400, ask("\x16\x03\x01\r\n").first);
}

TEST_F(ProbesTest, ARequestIsShort) {
  EXPECT_EQ(431, get("/metrics", "127.0.0.1", "a: " + std::string(60'000, 'x') + "\r\n").first);
  std::string headers;
  for (int i = 0; i < 10'000; ++i) headers += "a: b\r\n";
  EXPECT_EQ(431, get("/metrics", "127.0.0.1", headers).first);
  EXPECT_EQ(431, get("/" + std::string(60'000, 'x')).first);
}

TEST_F(ProbesTest, PartsAreTheWhole) {
  std::string parts = "-";
  for (int i = 0; i < 1000; ++i) parts += ",0-";
  EXPECT_EQ(Answer(200, "a 1\n"), get("/metrics", "127.0.0.1", "Range: bytes=" + parts + "\r\n"));
}

// Connections that say nothing, and requests that are never whole: the oldest make room.
TEST_F(ProbesTest, WhoIsSlowHoldsUpNobody) {
  std::vector<Fd> slow;
  for (int i = 0; i < 200; ++i) slow.push_back(say(i % 2 == 0 ? "" : "GET /healthz HTTP/1.1\r\n"));
  EXPECT_EQ(Answer(200, "ok\n"), get("/healthz"));
  EXPECT_EQ("", heard(slow.front())) << "it is ended";
  EXPECT_EQ("", heard(slow.back())) << "once its time is over";
}

TEST_F(ProbesTest, AnAddressIsHadByOneAlone) {
  EXPECT_THROW((Probes{probes.address(), {[] { return ""; }, [] { return ""; }}}), Error);
}

TEST(ProbesAddress, IsOfLoopback) {
  for (const char* good : {"127.0.0.1:9464", "127.9.9.9:1", "[::1]:0"})
    EXPECT_EQ("", probes_address_problem(good)) << good;
  for (const char* wrong : {"", "9464", "0.0.0.0:1", "[::]:1", "localhost:1", "192.168.1.1:1",
                            "127.0.0.1:", "127.0.0.1:70000", "::1:5", "127.0.0.1:x"})
    EXPECT_NE("", probes_address_problem(wrong)) << wrong;
}

}  // namespace
}  // namespace domed
