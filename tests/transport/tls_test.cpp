// Over TLS: who gets in, who does not and what is said of it, and that nothing is lost on the way.
#include <nng/protocol/pubsub0/sub.h>

#include <atomic>
#include <random>

#include "support.h"
#include "transport/event_sockets.h"

namespace domed::test {
namespace {

using std::chrono::milliseconds;

constexpr const char* kUrl = "tls+tcp://127.0.0.1:0";
const std::string kSubscribe("\0SP\0\0\x21\0\0", 8);
const std::string kHello("\0SP\0\0\x30\0\0", 8);

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

class Tls : public testing::Test {
 protected:
  void SetUp() override { SKIP_WHERE_TLS_IS_ANOTHER_ENGINES(); }

  static Place place(const tls::ServerFiles& files) {
    Place made(kUrl);
    made.tls = std::make_shared<tls::ServerContext>(files);
    return made;
  }
  static ControlOptions options(const tls::ServerFiles& files) {
    ControlOptions made = control_options(kUrl);
    made.urls = {place(files)};
    return made;
  }
  static EventOptions event_options() {
    EventOptions made;
    made.urls = {place_at(kUrl)};
    return made;
  }
  // What the log says of one that comes so, and what it is told.
  struct Told {
    std::string log, peer;
  };
  Told refusal_of(const Shown& shown, const tls::ServerFiles& files) {
    const Logged logged;
    Told told;
    {
      EchoServer server(options(files));
      RawPeer peer(server.url(), world_.connect(shown));
      peer.secure();
      EXPECT_TRUE(peer.wait_for_end());
      told.peer = peer.session().fault().words;
      EXPECT_EQ(server.pipes(), 0u);
    }
    told.log = logged.text();
    return told;
  }
  void expect_refusal(const Shown& shown, const tls::ServerFiles& files, const std::string& why,
                      const std::string& alert) {
    const Told told = refusal_of(shown, files);
    EXPECT_SAYS(told.log, "refused 1 connection(s), the last from 127.0.0.1:");
    EXPECT_SAYS(told.log, " because " + why);
    EXPECT_SAYS(told.peer, alert);
  }

  TlsWorld& world_ = tls_world();
  const tls::ServerFiles files_ = world_.files();
};

TEST_F(Tls, StockClientsWithACertificateAreServed) {
  EchoServer server(kUrl);
  Client client(server.url());
  for (const std::size_t size : {4u, 1000u, 1'000'000u})
    EXPECT_EQ(client.ask(std::string(size, 'x')), std::string(size, 'x'));
  EXPECT_EQ(server.pipes(), 1u);
}

TEST_F(Tls, StockSubscribersWithACertificateGetFrames) {
  EventSockets events(event_options());
  events.start();
  Socket subscriber(nng_sub0_open);
  nng_socket_set(subscriber.get(), NNG_OPT_SUB_SUBSCRIBE, "", 0);
  dial(subscriber.get(), events.urls(0)[0]);
  ASSERT_TRUE(eventually([&] { return events.pipes() == 1; }));
  for (const std::size_t size : {1u, 300'000u}) {
    events.send(0, std::make_shared<const std::string>(size, 'f'));
    nng_msg* message = nullptr;
    ASSERT_EQ(nng_recvmsg(subscriber.get(), &message, 0), 0);
    EXPECT_EQ(body(Message(message).get()), std::string(size, 'f'));
  }
}

TEST_F(Tls, AStockClientOfAnotherAuthorityIsNotServed) {
  const Logged logged;
  {
    EchoServer server(kUrl);
    const Shown shown = world_.other.issue({"mallory"});
    EXPECT_EQ(Client(server.url(), 500, &shown).ask("ping"), std::nullopt);
    EXPECT_TRUE(server.answers()) << "others are";
  }
  EXPECT_SAYS(logged.text(),
              "its certificate 'CN=mallory' is signed by an authority that is not in");
}

TEST_F(Tls, TheLogTellsWhatIsWrongWithACertificate) {
  Authority authority(world_.directory, "of-this-test");
  tls::ServerFiles files = files_;
  files.client_ca = authority.file();
  const Shown bad = authority.issue({"mallory"});
  authority.revoke(bad);
  files.crl = authority.write_list();
  expect_refusal(authority.issue({"ci", "", "clientAuth", -9, -1}), files,
                 "its certificate 'CN=ci' has expired", "certificate expired");
  expect_refusal(authority.issue({"ci", "", "clientAuth", 1, 9}), files,
                 "its certificate 'CN=ci' is not valid yet", "bad certificate");
  expect_refusal(self_signed(world_.directory, {"ci"}), files,
                 "its certificate 'CN=ci' is signed by itself", "unknown CA");
  expect_refusal(world_.other.issue({"ci"}), files,
                 "its certificate 'CN=ci' is signed by an authority that is not in", "unknown CA");
  expect_refusal(bad, files, "its certificate 'CN=mallory' is revoked", "certificate revoked");
  expect_refusal(authority.issue({"ci", "", "serverAuth"}), files,
                 "its certificate 'CN=ci' is not for clients", "unsupported certificate");
  expect_refusal({"", ""}, files, "it has no certificate", "asks for a certificate");
  expect_refusal(authority.issue({"a\n[error] forged"}), files, "its certificate 'CN=a\\0A[error]",
                 "bad certificate");
}

TEST_F(Tls, TheLogTellsOfWhatIsNoTls) {
  for (const std::string& words : {kHello, std::string("GET / HTTP/1.1\r\n\r\n"),
                                   std::string("\x16\x03\x01\0\x05garbage", 12)}) {
    const Logged logged;
    {
      EchoServer server(kUrl);
      RawPeer peer(server.url(), nullptr);
      peer.write(words);
      EXPECT_TRUE(peer.wait_for_end());
      EXPECT_TRUE(server.answers());
    }
    EXPECT_SAYS(logged.text(), " because it");
  }
}

TEST_F(Tls, TheLogIsNotFloodedByThoseWhoTryAgain) {
  const Logged logged;
  std::chrono::steady_clock::time_point begin;
  {
    EchoServer server(kUrl);
    begin = std::chrono::steady_clock::now();
    for (int i = 0; i < scaled(500); ++i) {
      RawPeer peer(server.url(), nullptr);
      peer.write("x");
      EXPECT_TRUE(peer.wait_for_end());
    }
  }
  const auto lasted =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
  const std::string text = logged.text();
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 2 + lasted.count()) << text;
}

// In its handshake or behind it.
TEST_F(Tls, WhoStallsBeforeItsHelloGoes) {
  ControlOptions hurried = options(files_);
  hurried.hello = milliseconds(2000);  // well above what the handshakes take
  EchoServer server(hurried);
  RawPeer silent(server.url(), nullptr), halfway(server.url(), nullptr), up(server.url()),
      talking(server.url());
  const auto hello = world_.connect(world_.client);
  ASSERT_TRUE(halfway.write(std::string(hello->outgoing().substr(0, 100))));
  ASSERT_TRUE(up.secure());
  ASSERT_TRUE(talking.write(kHello.substr(0, 7)));
  for (RawPeer* peer : {&silent, &halfway, &up, &talking}) EXPECT_TRUE(peer->wait_for_end());
  EXPECT_EQ(server.pipes(), 0u);
}

TEST_F(Tls, AReloadEndsThoseAloneWhoAreRevoked) {
  Authority authority(world_.directory, "reloaded");
  tls::ServerFiles files = files_;
  files.client_ca = authority.file();
  files.crl = authority.write_list();
  const Shown good = authority.issue({"good"}), bad = authority.issue({"mallory"});
  const Logged logged;
  {
    const ControlOptions at = options(files);
    EchoServer server(at);
    RawPeer hers(server.url(), world_.connect(good)), theirs(server.url(), world_.connect(bad));
    ASSERT_TRUE(hers.greet() && theirs.greet());
    authority.revoke(bad);
    authority.write_list();
    at.urls[0].tls->use(tls::ServerContext::load(files));
    server.look_again_at_identities();
    EXPECT_TRUE(theirs.wait_for_end());
    ASSERT_TRUE(hers.send_request("ping"));
    EXPECT_EQ(hers.read_message(sp::Carrier::stream), std::string("\x80\0\0\x01ping", 8));
    RawPeer again(server.url(), world_.connect(bad));
    EXPECT_FALSE(again.greet());
    std::ofstream(files.crl) << "nonsense";
    EXPECT_SAYS(refusal([&] { tls::ServerContext::load(files); }), files.crl + " holds no list");
    ASSERT_TRUE(hers.send_request("ping"));
    EXPECT_TRUE(hers.read_message(sp::Carrier::stream));
  }
  EXPECT_SAYS(logged.text(), "disconnected 'mallory': its certificate 'CN=mallory' is revoked by");
}

// Whose time is over asks nothing more, hears nothing more, and is not kept either.
class TlsExpiry : public Tls {
 protected:
  Place brief_place() {
    tls::ServerFiles files = files_;
    files.client_ca = authority_.file();
    Place made(kUrl);
    made.tls = std::make_shared<tls::ServerContext>(
        files, [this] { return now_micros() + (is_over_ ? std::int64_t{3} * 86'400'000'000 : 0); });
    return made;
  }

  Authority authority_{world_.directory, "expiring"};
  const Shown brief_ = authority_.issue({"brief", "", "clientAuth", -1, 2});
  std::atomic<bool> is_over_ = false;
};

TEST_F(TlsExpiry, EndsAtTheNextRequest) {
  ControlOptions made = control_options(kUrl);
  made.urls = {brief_place()};
  made.hello = std::chrono::hours(1);
  made.send_timeout = std::chrono::hours(1);
  EchoServer server(made);
  RawPeer peer(server.url(), world_.connect(brief_)), idle(server.url(), world_.connect(brief_));
  ASSERT_TRUE(peer.greet() && idle.greet());
  ASSERT_TRUE(peer.send_request("ping"));
  EXPECT_TRUE(peer.read_message(sp::Carrier::stream));
  is_over_ = true;
  peer.send_request("ping");
  EXPECT_FALSE(peer.read_message(sp::Carrier::stream));
  EXPECT_TRUE(idle.wait_for_end()) << "at a beat";
}

TEST_F(TlsExpiry, EndsAtTheNextFrame) {
  EventOptions made;
  made.urls = {brief_place()};
  EventSockets events(made);
  events.start();
  RawPeer peer(events.urls(0)[0], world_.connect(brief_));
  ASSERT_TRUE(peer.write(kSubscribe) && peer.read_all(kSubscribe.size()));
  ASSERT_TRUE(eventually([&] { return events.pipes() == 1; }));
  is_over_ = true;
  events.send(0, std::make_shared<const std::string>("secret"));
  EXPECT_EQ(peer.read_message(sp::Carrier::stream), std::nullopt);
}

// One that began before, and was let in by the files of then.
TEST_F(Tls, AReloadReachesThoseInTheirHandshake) {
  Authority authority(world_.directory, "midway");
  tls::ServerFiles files = files_;
  files.client_ca = authority.file();
  files.crl = authority.write_list();
  const Shown bad = authority.issue({"mallory"});
  const Logged logged;
  {
    const ControlOptions at = options(files);
    EchoServer server(at);
    auto session = world_.connect(bad);
    RawPeer peer(server.url(), nullptr);
    ASSERT_TRUE(peer.write(std::string(session->outgoing())));
    session->sent(session->outgoing().size());
    std::string plain;
    while (session->state() == tls::Session::State::handshaking)
      session->receive(peer.read_some(), plain);
    authority.revoke(bad);
    authority.write_list();
    at.urls[0].tls->use(tls::ServerContext::load(files));
    server.look_again_at_identities();
    ASSERT_TRUE(peer.write(std::string(session->outgoing())));
    EXPECT_TRUE(peer.wait_for_end());
    EXPECT_EQ(server.pipes(), 0u);
  }
  EXPECT_SAYS(logged.text(), "its certificate 'CN=mallory' is revoked");
}

TEST_F(Tls, AClientMayComeWithoutACertificateWhereItMayShowAToken) {
  tls::ServerFiles files = files_;
  files.certificate_required = false;
  EchoServer server(options(files));
  RawPeer without(server.url(), world_.connect({"", ""})), with(server.url());
  EXPECT_TRUE(without.greet());
  EXPECT_TRUE(with.greet());
  EXPECT_FALSE(RawPeer(server.url(), world_.connect(world_.other.issue({"ci"}))).greet());
}

TEST_F(Tls, HundredsAreServedAndHoldUpNobody) {
  Scratch scratch;
  ControlOptions both = options(files_);
  both.urls.push_back(scratch.url("c"));
  EchoServer server(both);
  const std::string plain = server.urls()[0], secure = server.urls()[1];
  ASSERT_TRUE(starts(secure, "tls+tcp"));
  std::vector<RawPeer> peers;
  for (int i = 0; i < scaled(200); ++i) {
    peers.emplace_back(secure);
    ASSERT_TRUE(peers.back().greet()) << i;
    if (i % 20 == 0) {
      EXPECT_EQ(ask(plain, "ping"), "ping");
    }
  }
  for (RawPeer& peer : peers) ASSERT_TRUE(peer.send_request("ping"));
  for (RawPeer& peer : peers)
    EXPECT_EQ(peer.read_message(sp::Carrier::stream), std::string("\x80\0\0\x01ping", 8));
  EXPECT_EQ(server.pipes(), peers.size());
  peers.clear();
  EXPECT_TRUE(eventually([&] { return server.pipes() == 0; }));
}

// As fast as they can be sent, to several at once, of all sizes.
TEST_F(Tls, FramesAtFullSpeedComeIntact) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<SharedFrame> frames;
  for (std::size_t bytes = 0; bytes < (24u << 20);) {  // all that one may be behind, and less
    std::string frame(random() % 3 ? random() % 300 : random() % 200'000, '\0');
    for (std::size_t at = 0; at < frame.size(); at += 7) frame[at] = static_cast<char>(random());
    bytes += frame.size() + 8;
    frames.push_back(std::make_shared<const std::string>(std::move(frame)));
  }
  frames.resize(std::min<std::size_t>(frames.size(), 8000));  // pieces that one may be behind
  EventSockets events(event_options());
  events.start();
  constexpr std::size_t kSubscribers = 4;
  std::vector<RawPeer> peers;
  for (std::size_t i = 0; i < kSubscribers; ++i) {
    peers.emplace_back(events.urls(0)[0]);
    ASSERT_TRUE(peers.back().write(kSubscribe));
  }
  ASSERT_TRUE(eventually([&] { return events.pipes() == kSubscribers; }));
  std::atomic<std::size_t> right = 0;
  std::vector<std::jthread> readers;
  for (RawPeer& peer : peers)
    readers.emplace_back([&] {
      if (!peer.read_all(sp::kHelloBytes)) return;
      for (const SharedFrame& frame : frames)
        if (peer.read_message(sp::Carrier::stream) == *frame) ++right;
    });
  for (const SharedFrame& frame : frames) events.send(0, frame);
  readers.clear();
  EXPECT_EQ(right, frames.size() * kSubscribers);
  EXPECT_EQ(events.dropped(), 0u);
}

TEST_F(Tls, WhoDoesNotReadLosesFramesAndNoBytes) {
  EventSockets events(event_options());
  events.start();
  RawPeer sleeper(events.urls(0)[0]);
  ASSERT_TRUE(sleeper.write(kSubscribe));
  ASSERT_TRUE(eventually([&] { return events.pipes() == 1; }));
  constexpr int kFrames = 1000;
  const auto frame = [](int n) {
    return std::make_shared<const std::string>(std::to_string(n) + std::string(100'000, 'x'));
  };
  for (int n = 0; n < kFrames; ++n) events.send(0, frame(n));
  EXPECT_GT(events.dropped(), 500u);
  ASSERT_TRUE(sleeper.read_all(sp::kHelloBytes));
  for (int n = -1; n < kFrames - 1;) {
    const auto next = sleeper.read_message(sp::Carrier::stream);
    ASSERT_TRUE(next);
    const int number = std::stoi(*next);
    EXPECT_GT(number, n);
    EXPECT_EQ(*next, *frame(number)) << number;
    n = number;
  }
}

TEST_F(Tls, WhatWasAnsweredIsSentBeforeTheEnd) {
  const std::string reply(3 << 20, 'r');
  std::optional<ControlServer> server(
      std::in_place, options(files_),
      [&](std::string, const Peer&, const ControlServer::Reply& to) { to(reply); });
  server->start();
  RawPeer peer(server->urls()[0]);
  ASSERT_TRUE(peer.greet());
  ASSERT_TRUE(peer.send_request("all of it"));
  ASSERT_TRUE(peer.read_all(1)) << "it is under way";
  std::thread ending([&] {
    server->shutdown(std::chrono::seconds(20));
    server.reset();
  });
  EXPECT_TRUE(peer.read_all(8 + 4 + reply.size() - 1));
  EXPECT_TRUE(peer.wait_for_end());
  EXPECT_EQ(peer.session().state(), tls::Session::State::ended) << "and said so";
  ending.join();
}

TEST_F(Tls, WhoLeavesOutOfPolitenessOrWithoutIsGone) {
  EchoServer server(kUrl);
  for (const bool polite : {true, false}) {
    RawPeer peer(server.url());
    ASSERT_TRUE(peer.greet());
    ASSERT_TRUE(eventually([&] { return server.pipes() == 1; }));
    if (polite)
      peer.say_goodbye();
    else
      peer.end_writing();
    EXPECT_TRUE(eventually([&] { return server.pipes() == 0; })) << polite;
  }
}

TEST_F(Tls, ListensBeyondLoopback) {
  for (const char* url : {"tls+tcp://0.0.0.0:0", "tls+tcp://[::]:0"}) {
    ControlOptions beyond = control_options(url);
    EchoServer server(beyond);
    const std::string port = server.url().substr(server.url().rfind(':'));
    EXPECT_EQ(ask("tls+tcp://127.0.0.1" + port, "ping"), "ping") << url;
  }
}

}  // namespace
}  // namespace domed::test
