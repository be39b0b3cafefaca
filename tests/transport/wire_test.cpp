// What a client may send, and what it must get: random clients, whatever the engine.  What nng does
// is the law; a model of that is held against both.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "protocol/sp/framing.h"
#include "support.h"

namespace domed::test {
namespace {

using Random = std::mt19937;

std::string word(Random& random, bool last) {
  std::string out(4, '\0');
  for (char& c : out) c = static_cast<char>(random());
  out[0] = static_cast<char>(last ? out[0] | 0x80 : out[0] & 0x7f);
  return out;
}

std::string backtrace(Random& random, std::size_t words) {
  std::string out;
  for (std::size_t i = 1; i < words; ++i) out += word(random, false);
  return out + word(random, true);
}

// A client's bytes, and what they must lead to.
struct Script {
  std::string bytes;
  std::multiset<std::string> replies;
  bool ends = false;  // the server ends the connection, and may lose replies with that
};

void add_message(Script& script, sp::Carrier carrier, const std::string& message) {
  script.bytes += on_the_wire(carrier, message);
}

void add_good(Script& script, sp::Carrier carrier, Random& random) {
  const std::size_t size = random() % 4 ? random() % 50 : random() % 100'000;
  const std::string request = backtrace(random, 1 + random() % 8) + std::string(size, 'x');
  add_message(script, carrier, request);
  script.replies.insert(request);
}

// A loop of devices: it is dropped without a word.
void add_far(Script& script, sp::Carrier carrier, Random& random) {
  add_message(script, carrier, backtrace(random, 9 + random() % 4) + "far");
}

// Ends the connection.
void add_bad(Script& script, sp::Carrier carrier, Random& random) {
  script.ends = true;
  switch (random() % 4) {
    case 0:
      return add_message(script, carrier, "");
    case 1:
      return add_message(script, carrier, word(random, true).substr(0, 1 + random() % 3));
    case 2:
      return add_message(script, carrier, word(random, false) + word(random, false));
    default:
      script.bytes += carrier == sp::Carrier::web
                          ? std::string("\x82\xff\0\0\0\0\x01\0\0\x01mask", 14)
                          : std::string(sp::header(carrier, (16u << 20) + 1 + random()).view());
  }
}

Script make_script(sp::Carrier carrier, Random& random) {
  Script script;
  for (auto steps = random() % 8; steps > 0 && !script.ends; --steps) {
    const auto kind = random() % 10;
    if (kind == 0)
      add_bad(script, carrier, random);
    else if (kind == 1)
      add_far(script, carrier, random);
    else
      add_good(script, carrier, random);
  }
  return script;
}

// In pieces of any size; false: the server ended the connection meanwhile.
bool write_in_pieces(RawPeer& peer, std::string_view bytes, Random& random) {
  while (!bytes.empty()) {
    const std::size_t part = std::min<std::size_t>(bytes.size(), 1 + random() % 30'000);
    if (!peer.write(std::string(bytes.substr(0, part)))) return false;
    bytes.remove_prefix(part);
  }
  return true;
}

class Wire : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (domed::is_tls(url())) SKIP_WHERE_TLS_IS_ANOTHER_ENGINES();
  }
  bool is_ipc() const { return std::string(GetParam()) == "ipc"; }
  bool is_web() const { return domed::is_web(url()); }
  std::string url() const {
    const std::string name = GetParam();
    if (name == "ipc") return scratch_.url("c");
    if (name == "tls") return "tls+tcp://127.0.0.1:0";
    return name + "://127.0.0.1:0" + (name == "tcp" ? "" : "/x");
  }
  sp::Carrier carrier() const {
    return is_ipc() ? sp::Carrier::ipc : is_web() ? sp::Carrier::web : sp::Carrier::stream;
  }
  Scratch scratch_;
  EchoServer server_{url()};
};

TEST_P(Wire, RandomClientsGetWhatNngGivesThem) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < scaled(300); ++round) {
    const Script script = make_script(carrier(), random);
    RawPeer peer(server_.url());
    ASSERT_TRUE(peer.greet());
    const bool written = write_in_pieces(peer, script.bytes, random);
    ASSERT_TRUE(written || script.ends) << "round " << round;
    std::multiset<std::string> replies;
    while (replies.size() < script.replies.size() + (script.ends ? 1 : 0)) {
      const auto reply = peer.read_message(carrier());
      if (!reply) break;
      replies.insert(*reply);
    }
    if (script.ends) {
      EXPECT_TRUE(peer.wait_for_end()) << "round " << round;
      EXPECT_TRUE(std::includes(script.replies.begin(), script.replies.end(), replies.begin(),
                                replies.end()))
          << "round " << round;
      continue;
    }
    EXPECT_EQ(script.replies, replies) << "round " << round;
    const std::string last = backtrace(random, 1) + "last";
    Script ping;
    add_message(ping, carrier(), last);
    ASSERT_TRUE(peer.write(ping.bytes));
    EXPECT_EQ(last, peer.read_message(carrier())) << "round " << round;
  }
}

// Each costs nng a pause of 100 ms.
TEST_P(Wire, WhoSaysHelloInAnotherWayIsNoClient) {
  if (is_web()) GTEST_SKIP() << "a WebSocket has no hello of SP's";
  const std::string good("\0SP\0\0\x30\0\0", 8);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] + 1);
    RawPeer peer(server_.url());
    peer.write(bad);
    EXPECT_TRUE(peer.wait_for_end()) << "byte " << at;
  }
  EXPECT_TRUE(server_.answers());
}

TEST_P(Wire, AnotherTypeOfMessageEndsTheConnection) {
  if (!is_ipc()) GTEST_SKIP() << "tcp has no types of messages";
  RawPeer peer(server_.url());
  ASSERT_TRUE(peer.greet());
  peer.write(std::string("\2\0\0\0\0\0\0\0\5\x80\0\0\1x", 14));
  EXPECT_TRUE(peer.wait_for_end());
}

// One that comes with its hello, and in the same piece.
TEST_P(Wire, ARequestMayComeWithTheHello) {
  if (is_web()) GTEST_SKIP() << "a WebSocket has no hello of SP's";
  RawPeer peer(server_.url());
  Script script;
  add_message(script, carrier(), std::string("\x80\0\0\1ping", 8));
  ASSERT_TRUE(peer.write(std::string("\0SP\0\0\x30\0\0", 8) + script.bytes));
  ASSERT_TRUE(peer.read_all(sp::kHelloBytes));
  EXPECT_EQ(std::string("\x80\0\0\1ping", 8), peer.read_message(carrier()));
}

INSTANTIATE_TEST_SUITE_P(Over, Wire, testing::Values("ipc", "tcp", "tls", "ws", "wss"),
                         [](const auto& transport) { return std::string(transport.param); });

}  // namespace
}  // namespace domed::test
