// Peers that misbehave in numbers must cost the server nothing that lasts.
#include <random>

#include "support.h"

namespace domed::test {
namespace {

class Storm : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (is_tls()) SKIP_WHERE_TLS_IS_ANOTHER_ENGINES();
    if (is_web() && engine_under_test() == Engine::nng)
      GTEST_SKIP() << "nng bounds nobody before the handshake";
  }
  bool is_web() const { return std::string(GetParam()) == "ws"; }
  bool is_tls() const { return std::string(GetParam()) == "tls"; }
  std::string listen_url() const {
    if (std::string(GetParam()) == "ipc") return scratch_.url("c");
    if (is_web()) return "ws://127.0.0.1:0/x";
    return is_tls() ? "tls+tcp://127.0.0.1:0" : "tcp://127.0.0.1:0";
  }
  // Of those that shake hands, which takes both of us milliseconds under TLS.
  int rounds(int many) const { return scaled(is_tls() ? many / 10 : many); }
  // The server answers at once, and what the storm opened is closed again.
  void expect_calm(const EchoServer& server, std::size_t descriptors) {
    EXPECT_TRUE(server.answers());
    EXPECT_TRUE(eventually([&] { return server.pipes() == 0; })) << server.pipes();
    EXPECT_TRUE(eventually([&] { return open_descriptors() <= descriptors; }))
        << open_descriptors() << " descriptors, " << descriptors << " before";
  }

  Scratch scratch_;
};

TEST_P(Storm, OfPeersThatLeaveAtOnce) {
  EchoServer server(listen_url());
  ASSERT_TRUE(server.answers());
  const std::size_t before = open_descriptors();
  for (int i = 0; i < scaled(10'000); ++i) {
    RawPeer peer(server.url());
    if (i % 2) peer.end_writing();
    peer.reset_at_end();
  }
  expect_calm(server, before);
}

TEST_P(Storm, OfPeersThatLeaveAfterHalfAHandshake) {
  EchoServer server(listen_url());
  ASSERT_TRUE(server.answers());
  const std::size_t before = open_descriptors();
  for (int i = 0; i < rounds(1'000); ++i) {
    RawPeer peer(server.url());
    const std::string whole =
        is_web() ? web_request(server.url()) : std::string("\0SP\0\0\x30\0\0", 8);
    peer.reset_at_end().write(whole.substr(0, i % (whole.size() + 1)));
  }
  expect_calm(server, before);
}

// Each garbage handshake makes nng pause for 100 ms, so that they are not
// waited for one by one.
TEST_P(Storm, OfGarbage) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  EchoServer server(listen_url());
  ASSERT_TRUE(server.answers());
  const std::size_t before = open_descriptors();
  for (int i = 0; i < rounds(1'000); ++i) {
    RawPeer peer(server.url());
    std::string bytes(1 + random() % 64, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    peer.reset_at_end().write(bytes);
  }
  expect_calm(server, before);
}

TEST_P(Storm, OfHeadersThatAnnounceATerabyte) {
  EchoServer server(listen_url());
  ASSERT_TRUE(server.answers());
  const std::size_t before = open_descriptors();
  for (int i = 0; i < rounds(1'000); ++i) {
    RawPeer peer(server.url());
    ASSERT_TRUE(peer.greet());
    peer.send_header(1ull << 40);
    if (i % 10 == 0) {
      ASSERT_TRUE(peer.wait_for_end());
    }
  }
  expect_calm(server, before);
}

TEST_P(Storm, OfRequestsWhoseClientsLeave) {
  EchoServer server(listen_url());
  ASSERT_TRUE(server.answers());
  const std::size_t before = open_descriptors();
  for (int i = 0; i < rounds(2'000); ++i) {
    RawPeer peer(server.url());
    ASSERT_TRUE(peer.greet());
    peer.send_request(std::string(static_cast<std::size_t>(i) * 37 % 100'000, 'x'));
    peer.reset_at_end();
  }
  expect_calm(server, before);
}

TEST_P(Storm, OfClientsKilledInMidFlight) {
  if (is_tls()) GTEST_SKIP() << "clients that are processes have no certificate";
  EchoServer server(listen_url());
  ASSERT_TRUE(server.answers());
  const std::size_t before = open_descriptors();
  constexpr int kAtOnce = 25;
  for (int wave = 0; wave < scaled(250) / kAtOnce; ++wave) {
    std::vector<Process> clients;
    for (int i = 0; i < kAtOnce; ++i) {
      const std::string pause_ms = i % 5 == 0 ? "1" : "20";
      clients.emplace_back(std::vector<std::string>{GUARDED, "client", server.url(), pause_ms});
    }
    for (const Process& client : clients) ASSERT_TRUE(client.wait_ready());
    for (const Process& client : clients) client.send_kill();  // all at once
  }
  expect_calm(server, before);
}

INSTANTIATE_TEST_SUITE_P(Over, Storm, testing::Values("ipc", "tcp", "tls", "ws"),
                         [](const auto& transport) { return std::string(transport.param); });

}  // namespace
}  // namespace domed::test
