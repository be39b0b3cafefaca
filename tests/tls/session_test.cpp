#include "tls/session.h"

#include <random>

#include "pair.h"

namespace domed::test {
namespace {

using tls::Fault;
using tls::Session;
using State = Session::State;

class SessionTest : public TlsTest, public ::testing::WithParamInterface<int> {
 protected:
  int version() const { return GetParam(); }
};

TEST_P(SessionTest, BothSidesHearEachOther) {
  Pair pair = meet(authority.issue(wanted), version());
  ASSERT_TRUE(pair.is_up()) << pair.server->fault().words << pair.client->fault().words;
  EXPECT_EQ(SSL_version(pair.server->ssl()), version());
  pair.client->send("ping");
  pair.server->send("pong");
  pair.carry();
  EXPECT_EQ(pair.at_server, "ping");
  EXPECT_EQ(pair.at_client, "pong");
  EXPECT_EQ(pair.server->peer_name(), "ci");
}

// From the first byte of the handshake on.
TEST_P(SessionTest, BytesMayComeInPiecesOfAnySize) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const Shown shown = authority.issue(wanted);
  const tls::ServerContext server(files);
  const tls::ClientContext client({authority.file(), shown.cert, shown.key});
  const auto cut = [&](std::size_t all) {
    return random() % 3 ? 1 + random() % std::min<std::size_t>(all, 40) : 1 + random() % all;
  };
  for (int round = 0; round < 20; ++round) {
    Pair pair{client.connect("localhost"), server.accept(), "", ""};
    SSL_set_max_proto_version(pair.server->ssl(), version());
    pair.carry(cut);
    ASSERT_TRUE(pair.is_up()) << round;
    std::string there, back;
    for (int i = 0; i < 10; ++i) {
      const std::string words(random() % (i % 3 ? 60 : 50'000), static_cast<char>('a' + i));
      Session& from = random() % 2 ? *pair.client : *pair.server;
      (&from == pair.client.get() ? there : back) += words;
      from.send(words);
      if (random() % 2) pair.carry(cut);
    }
    pair.carry(cut);
    EXPECT_EQ(pair.at_server, there) << round;
    EXPECT_EQ(pair.at_client, back) << round;
  }
}

TEST_P(SessionTest, ADamagedByteIsNeverTakenForWhatWasSaid) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const Shown shown = authority.issue(wanted);
  for (int round = 0; round < 50; ++round) {
    Pair pair = meet(shown, version());
    pair.client->send("an order");
    std::string cipher(pair.client->outgoing());
    cipher[random() % cipher.size()] ^= static_cast<char>(1 << random() % 8);
    std::string plain;
    pair.server->receive(cipher, plain);
    EXPECT_EQ(plain, "") << round;
    EXPECT_NE(pair.server->state(), State::ended) << round;
  }
}

TEST_P(SessionTest, OneThatEndsSaysSo) {
  Pair pair = meet(authority.issue(wanted), version());
  pair.server->send("last words");
  pair.server->end();
  pair.carry();
  EXPECT_EQ(pair.at_client, "last words");
  EXPECT_EQ(pair.client->state(), State::ended);
}

// One that was resumed would not have shown its certificate.
TEST_P(SessionTest, IsNeverResumed) {
  const Shown shown = authority.issue(wanted);
  const tls::ServerContext server(files);
  Pair first = meet(server, {authority.file(), shown.cert, shown.key}, version());
  first.server->send("x");
  first.carry();
  SSL_SESSION* const kept = SSL_get1_session(first.client->ssl());
  EXPECT_EQ(SSL_SESSION_is_resumable(kept) && SSL_SESSION_has_ticket(kept), 0);
  SSL_SESSION_free(kept);
  EXPECT_FALSE(SSL_session_reused(first.server->ssl()));
}

TEST_P(SessionTest, IsNeverNegotiatedAnew) {
  Pair pair = meet(authority.issue(wanted), version());
  SSL_clear_options(pair.client->ssl(), SSL_OP_NO_RENEGOTIATION);
  if (version() == TLS1_2_VERSION)
    ASSERT_EQ(SSL_renegotiate(pair.client->ssl()), 1);
  else
    ASSERT_EQ(SSL_key_update(pair.client->ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
  pair.client->send("on");
  pair.carry();
  pair.server->send("and on");
  pair.carry();
  EXPECT_EQ(SSL_num_renegotiations(pair.server->ssl()), 0);
  if (version() == TLS1_2_VERSION) return;
  EXPECT_EQ(pair.at_server, "on") << "new keys, which 1.3 has instead, are no harm";
  EXPECT_EQ(pair.at_client, "and on");
}

INSTANTIATE_TEST_SUITE_P(With, SessionTest, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_F(TlsTest, OlderVersionsAreNotSpoken) {
  const Shown shown = authority.issue(wanted);
  const Pair pair = meet(shown, TLS1_1_VERSION);
  EXPECT_FALSE(pair.is_up());
}

TEST_F(TlsTest, RecordsAreAsLongAsTheyMayBe) {
  Pair pair = meet(authority.issue(wanted));
  std::string all;
  {
    tls::Records records(*pair.client);
    for (const std::size_t size : {9u, 0u, 70'000u, 5u, 16'384u, 20'000u, 1u}) {
      const std::string part(size, static_cast<char>('a' + size % 26));
      records.add(part);
      all += part;
    }
  }
  EXPECT_LT(pair.client->outgoing().size(), all.size() + 8 * 22);
  pair.carry();
  EXPECT_EQ(pair.at_server, all);
}

TEST_F(TlsTest, WhatIsNoTlsIsToldAsThat) {
  const tls::ServerContext server(files);
  for (const std::string& words :
       {std::string("\0SP\0\0\x30\0\0", 8), std::string("GET / HTTP/1.1\r\n"),
        std::string("\x80\x2e\x01\x03", 4), std::string(1, '\0')}) {
    const auto session = server.accept();
    std::string plain;
    session->receive(words, plain);
    EXPECT_EQ(session->state(), State::failed);
    EXPECT_EQ(session->fault().kind, Fault::Kind::no_tls);
    session->receive("more", plain);
    EXPECT_EQ(plain, "");
  }
}

TEST_F(TlsTest, GarbageIsAFault) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const tls::ServerContext server(files);
  for (int round = 0; round < 300; ++round) {
    const auto session = server.accept();
    std::string bytes("\x16\x03\x01", 3), plain;
    for (auto i = random() % 600; i > 0; --i) bytes += static_cast<char>(random());
    session->receive(bytes, plain);
    session->receive(std::string(20'000, 'x'), plain);
    EXPECT_EQ(session->state(), State::failed) << round;
    EXPECT_NE(session->fault().words, "") << round;
    EXPECT_EQ(plain, "") << round;
  }
}

}  // namespace
}  // namespace domed::test
