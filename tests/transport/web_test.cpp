// WebSockets: stock clients, and peers that no browser would be.
#include <nng/protocol/pubsub0/sub.h>

#include <atomic>
#include <random>

#include "support.h"
#include "transport/event_sockets.h"

namespace domed::test {
namespace {

#define SKIP_WHERE_NNG_BOUNDS_NOBODY() \
  if (engine_under_test() == Engine::nng) GTEST_SKIP() << "nng bounds nobody before the handshake"

ControlOptions web_options() {
  return control_options("ws://127.0.0.1:0/x");
}

std::string on_plain_tcp(const std::string& url) {
  return "tcp" + url.substr(2, url.find('/', 5) - 2);
}

TEST(WebSocket, AnswersStockClients) {
  EchoServer server(web_options());
  Client client(server.url());
  std::mt19937 random(1);
  for (const std::size_t size : {0u, 1u, 125u, 126u, 65'535u, 65'536u, 1u << 20, 3u << 20}) {
    std::string text(size, 'x');
    for (char& c : text) c = static_cast<char>(random());
    const auto reply = client.ask(text);
    ASSERT_TRUE(reply) << size;
    EXPECT_TRUE(*reply == text) << size;
  }
}

// A page of another machine comes so, and who has a certificate.
TEST(WebSocket, AnswersStockClientsOverTls) {
  SKIP_WHERE_TLS_IS_ANOTHER_ENGINES();
  EchoServer server("wss://127.0.0.1:0/x");
  Client client(server.url());
  for (const std::size_t size : {10u, 3u << 20}) {
    const auto reply = client.ask(std::string(size, 'x'));
    ASSERT_TRUE(reply) << size;
    EXPECT_TRUE(*reply == std::string(size, 'x')) << size;
  }
}

TEST(WebSocket, OverTlsIsForWhomeverTheCertificateIsOf) {
  SKIP_WHERE_TLS_IS_ANOTHER_ENGINES();
  EchoServer server("wss://127.0.0.1:0/x");
  const auto replied = [&](const std::string& host, const std::string& headers) {
    RawPeer peer(server.url());
    EXPECT_TRUE(peer.write(web_request("wss://" + host + "/x", "rep", headers)));
    return peer.read_head().substr(0, 12);
  };
  EXPECT_EQ(replied("build.example", ""), "HTTP/1.1 101");
  EXPECT_EQ(replied("build.example", "Origin: https://build.example\r\n"), "HTTP/1.1 403");
}

TEST(WebSocket, TakesAPathWithAndWithoutASlash) {
  for (const std::string path : {"", "/", "/a/b"}) {
    EchoServer server("ws://127.0.0.1:0" + path);
    EXPECT_TRUE(server.answers()) << path;
  }
}

TEST(WebSocket, IsFoundByItsPathAlone) {
  EchoServer server(web_options());
  RawPeer peer(server.url());
  const std::string url = server.url();
  peer.write(web_request(url.substr(0, url.size() - 1) + "y"));
  EXPECT_TRUE(starts(peer.read_head(), "HTTP/1.1 404 "));
}

TEST(WebSocket, IsNoPlaceForAPeerThatSubscribes) {
  EchoServer server(web_options());
  RawPeer peer(server.url());
  peer.write(web_request(server.url(), "pub"));
  EXPECT_TRUE(starts(peer.read_head(), "HTTP/1.1 400 "));
}

// What a device has added.
TEST(WebSocket, RepeatsAWholeBacktrace) {
  EchoServer server(web_options());
  RawPeer peer(server.url());
  ASSERT_TRUE(peer.greet());
  const std::string message("\0\0\0\1\0\0\0\2\x80\0\0\3ping", 16);
  peer.write(web_frame(0x82, message));
  EXPECT_EQ(peer.read_web_message(), message);
}

TEST(WebSocket, BringsFramesToStockSubscribers) {
  EventOptions options;
  options.listen.engine = engine_under_test();
  options.urls = {"ws://127.0.0.1:0/events"};
  EventSockets events(options);
  events.start();
  Socket socket(nng_sub0_open);
  nng_socket_set(socket.get(), NNG_OPT_SUB_SUBSCRIBE, "job/1\n", 6);
  nng_socket_set_ms(socket.get(), NNG_OPT_RECVTIMEO, 10'000);
  dial(socket.get(), events.urls(0)[0], nullptr, 0);
  ASSERT_TRUE(eventually([&] { return events.pipes() == 1; }));
  for (const std::size_t size : {10u, 300'000u, 3u << 20}) {
    const std::string frame = "job/1\n" + std::string(size, 'x');
    nng_msg* got = nullptr;
    std::atomic<bool> over = false;
    std::thread publisher([&] {  // again and again: nng may not be listening yet
      for (; !over; std::this_thread::sleep_for(std::chrono::milliseconds(5))) {
        events.send(0, std::make_shared<const std::string>("job/2\nnot this"));
        events.send(0, std::make_shared<const std::string>(frame));
      }
    });
    do {
      ASSERT_EQ(nng_recvmsg(socket.get(), &got, 0), 0) << size;
    } while (body(Message(got).get()).size() != frame.size());
    over = true;
    publisher.join();
  }
}

TEST(WebSocket, EndsWhatASubscriberSays) {
  EventOptions options;
  options.listen.engine = engine_under_test();
  options.urls = {"ws://127.0.0.1:0/"};
  EventSockets events(options);
  events.start();
  for (const std::string& text : {std::string(), std::string(1, 'x'), std::string(1000, 'x')}) {
    RawPeer talker(events.urls(0)[0]);
    talker.write(web_request(events.urls(0)[0], "pub"));
    ASSERT_TRUE(starts(talker.read_head(), "HTTP/1.1 101 "));
    talker.write(web_frame(0x82, text));
    EXPECT_TRUE(talker.wait_for_end()) << text.size();
  }
  EXPECT_TRUE(eventually([&] { return events.pipes() == 0; }));
}

// A browser's, and what stands between balancers.
TEST(WebSocket, AnswersPingsAmidAMessage) {
  EchoServer server(web_options());
  RawPeer peer(server.url());
  ASSERT_TRUE(peer.greet());
  peer.write(web_frame(0x02, std::string("\x80\0\0\1pi", 6)) + web_frame(0x89, "still there?"));
  const auto pong = peer.read_frame();
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->first, 0x8au);
  EXPECT_EQ(pong->text, "still there?");
  peer.write(web_frame(0x8a, "unasked") + web_frame(0x80, "ng"));
  EXPECT_EQ(peer.read_web_message(), std::string("\x80\0\0\1ping", 8));
}

// What comes in many parts, each in its own packet, is one message.
TEST(WebSocket, TakesAMessageInManyFrames) {
  EchoServer server(web_options());
  RawPeer peer(server.url());
  ASSERT_TRUE(peer.greet());
  std::string message("\x80\0\0\1", 4), all = web_frame(0x02, message);
  for (int i = 0; i < 1000; ++i) {
    all += web_frame(0x00, "part") + (i % 100 ? "" : web_frame(0x89, "p"));
    message += "part";
  }
  peer.write(all + web_frame(0x80, ""));
  EXPECT_EQ(peer.read_web_message(), message);
}

TEST(WebSocket, ClosesWhenItsPeerDoes) {
  EchoServer server(web_options());
  for (const bool midway : {false, true}) {
    RawPeer peer(server.url());
    ASSERT_TRUE(peer.greet());
    if (midway) peer.write(web_frame(0x02, "half a messa"));
    peer.write(web_frame(0x88, "\x03\xe8"));
    EXPECT_TRUE(peer.wait_for_end());
  }
  EXPECT_TRUE(eventually([&] { return server.pipes() == 0; }));
  EXPECT_TRUE(server.answers());
}

TEST(WebSocket, SaysGoodbye) {
  if (engine_under_test() == Engine::nng) GTEST_SKIP() << "nng may not get round to it";
  auto server = std::make_unique<EchoServer>(web_options());
  const auto end_of = [&](const std::string& bytes) {
    RawPeer peer(server->url());
    EXPECT_TRUE(peer.greet());
    peer.write(bytes);
    if (bytes.empty()) server.reset();
    const auto frame = peer.read_frame();
    return frame && frame->first == 0x88 ? frame->text : "no close";
  };
  EXPECT_EQ(end_of(web_frame(0x88, "\x03\xe8")), "\x03\xe8");
  EXPECT_EQ(end_of("\x82\x01x"), "\x03\xea") << "not masked";
  EXPECT_EQ(end_of(web_frame(0x81, "text")), "\x03\xeb");
  EXPECT_EQ(end_of(std::string("\x82\xff\0\0\1\0\0\0\0\0mask", 14)), "\x03\xf1") << "a terabyte";
  EXPECT_EQ(end_of(""), "\x03\xe9") << "the daemon goes";
}

TEST(WebSocket, EndsWhoSendsWhatNoClientWould) {
  SKIP_WHERE_NNG_BOUNDS_NOBODY();
  ControlOptions options = web_options();
  options.max_request = 100'000;
  EchoServer server(options);
  std::string many;
  for (int i = 0; i < 100; ++i) many += web_frame(0x00, std::string(1100, 'x'));
  for (const std::string& bytes :
       {std::string("\x82\x04ping"), web_frame(0x8b, ""), web_frame(0xc2, "x"),
        web_frame(0x80, "x"), web_frame(0x89, std::string(126, 'x')), web_frame(0x09, ""),
        web_frame(0x02, "") + many, web_frame(0x02, "") + web_frame(0x82, ""),
        web_frame(0x82, std::string(100'001, 'x'))}) {
    RawPeer peer(server.url());
    ASSERT_TRUE(peer.greet());
    peer.write(bytes);
    EXPECT_TRUE(peer.wait_for_end());
  }
  EXPECT_TRUE(server.answers());
}

// Nobody answers more than was asked, and whoever reads no answers is not read on.
TEST(WebSocket, PingsByTheHundredThousandStopNobody) {
  EchoServer server(web_options());
  RawPeer peer(server.url());
  ASSERT_TRUE(peer.greet());
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += web_frame(0x89, "ping");
  for (int i = 0; i < scaled(100); ++i) ASSERT_TRUE(peer.write(pings));
  EXPECT_TRUE(server.answers());
  ASSERT_TRUE(peer.send_request("hello"));
  EXPECT_EQ(peer.read_web_message(), std::string("\x80\0\0\1hello", 9));
}

TEST(WebSocket, HasADeadlineForItsRequest) {
  SKIP_WHERE_NNG_BOUNDS_NOBODY();
  ControlOptions options = web_options();
  options.hello = std::chrono::milliseconds(300);
  EchoServer server(options);
  RawPeer silent(server.url()), slow(server.url());
  slow.write("GET /x HTTP/1.1\r\n");
  EXPECT_TRUE(silent.wait_for_end());
  EXPECT_TRUE(slow.wait_for_end());
  EXPECT_TRUE(server.answers());
}

TEST(WebSocket, BoundsItsRequest) {
  SKIP_WHERE_NNG_BOUNDS_NOBODY();
  EchoServer server(web_options());
  RawPeer peer(server.url());
  peer.write("GET /x HTTP/1.1\r\nCookie: " + std::string(1 << 20, 'x'));
  EXPECT_TRUE(starts(peer.read_head(), "HTTP/1.1 431 "));
  EXPECT_TRUE(peer.wait_for_end());
  RawPeer nonsense(server.url());
  nonsense.write(std::string("\0SP\0\0\x30\0\0", 8));
  EXPECT_TRUE(starts(nonsense.read_head(), "HTTP/1.1 400 "));
  EXPECT_TRUE(nonsense.wait_for_end());
}

// A page that a foreign name server has led here.
TEST(WebSocket, IsForNobodyWhoMeansAnotherHost) {
  EchoServer server(web_options());
  const auto port = on_plain_tcp(server.url()).substr(16);
  RawPeer page(server.url());
  page.write(web_request("ws://evil.example:" + port + "/x"));
  EXPECT_FALSE(starts(page.read_head(), "HTTP/1.1 101 "));
}

TEST(WebSocket, IsForWhoeverMeansThisMachine) {
  if (engine_under_test() == Engine::nng) GTEST_SKIP() << "nng knows the name that it listens by";
  EchoServer server(web_options());
  const auto port = on_plain_tcp(server.url()).substr(16);
  for (const char* host : {"127.0.0.1", "127.1.2.3", "localhost", "[::1]"}) {
    RawPeer peer(server.url());
    peer.write(web_request("ws://" + (host + (":" + port)) + "/x"));
    EXPECT_TRUE(starts(peer.read_head(), "HTTP/1.1 101 ")) << host;
  }
}

TEST(WebSocket, SilentPeersKeepNobodyOut) {
  SKIP_WHERE_NNG_BOUNDS_NOBODY();
  ControlOptions options = web_options();
  options.pipes = 20;
  EchoServer server(options);
  const std::size_t before = open_descriptors();
  std::vector<RawPeer> silent;
  for (int i = 0; i < 200; ++i) {
    silent.emplace_back(server.url());
    if (i % 2) silent.back().write("GET /x HTTP/1.1\r\nHost: ");
  }
  EXPECT_TRUE(server.answers());
  // Ours of each; and the server's of twenty, and of what asked just now.
  EXPECT_LE(open_descriptors(), before + 200 + 40);
}

TEST(WebSocket, UnfinishedRequestsDoNotFillTheMemory) {
  SKIP_WHERE_NNG_BOUNDS_NOBODY();
  EchoServer server(web_options());
  std::vector<RawPeer> peers;
  const std::string part = web_frame(0x02, std::string(14 << 20, 'x'));
  for (int i = 0; i < 12; ++i) {
    peers.emplace_back(server.url());
    ASSERT_TRUE(peers.back().greet());
    peers.back().write(part);
  }
  EXPECT_TRUE(eventually([&] { return server.pipes() <= 9; })) << server.pipes();
  EXPECT_GT(server.pipes(), 0u);
  EXPECT_EQ(ask(server.url(), "ping"), "ping") << "small ones always come";
}

// Pings are nothing that is kept: who sends them for days is a good client.
TEST(WebSocket, PingsAreNoUnfinishedRequest) {
  SKIP_WHERE_NNG_BOUNDS_NOBODY();
  EchoServer server(web_options());
  std::vector<RawPeer> fillers;
  const std::string part = web_frame(0x02, std::string(12 << 20, 'x'));
  for (int i = 0; i < 10; ++i) {
    fillers.emplace_back(server.url());
    ASSERT_TRUE(fillers.back().greet());
    fillers.back().write(part);
  }
  RawPeer peer(server.url());
  ASSERT_TRUE(peer.greet());
  for (int i = 0; i < 100; ++i) {
    std::string pings;
    for (int j = 0; j < 100; ++j) pings += web_frame(0x89, std::string(100, 'p'));
    ASSERT_TRUE(peer.write(pings));
  }
  ASSERT_TRUE(peer.send_request("hello"));
  EXPECT_TRUE(peer.read_web_message());
}

}  // namespace
}  // namespace domed::test
