// Peers and requests in numbers, none of which does anything wrong.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <mutex>
#include <random>
#include <set>

#include "protocol/sp/framing.h"
#include "support.h"

namespace domed::test {
namespace {

// A handler that keeps what says "hold", and answers everything else at once.
class Keeper {
 public:
  ControlServer::Handler handler() {
    return [this](std::string request, Peer, ControlServer::Reply reply) {
      if (!starts(request, "hold")) return reply(std::move(request));
      const std::lock_guard lock(mutex_);
      kept_.emplace_back(std::move(request), std::move(reply));
    };
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return kept_.size();
  }
  // With the requests, in any order.
  void answer_all(std::mt19937& random) {
    decltype(kept_) all;
    {
      const std::lock_guard lock(mutex_);
      all.swap(kept_);
    }
    std::shuffle(all.begin(), all.end(), random);
    for (auto& [request, reply] : all) reply(request);
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<std::string, ControlServer::Reply>> kept_;
};

std::string hold(std::uint32_t id) {
  std::string out(4, '\0');
  for (int byte = 0; byte < 4; ++byte) out[byte] = static_cast<char>(id >> (24 - 8 * byte));
  out[0] = static_cast<char>(out[0] | 0x80);
  return out + "hold " + std::to_string(id);
}

class ManyHeld : public testing::TestWithParam<std::size_t> {};

// On as many connections as the parameter says: each gets its own, once, and nobody else waits.
TEST_P(ManyHeld, RequestsByTheThousandStopNobody) {
  constexpr std::size_t kHeld = 3000;
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Scratch scratch;
  Keeper keeper;
  ControlOptions options = control_options(scratch.url("c"));
  options.contexts = kHeld + 64;
  ControlServer server(options, keeper.handler());
  server.start();
  std::vector<RawPeer> peers;
  std::vector<std::multiset<std::string>> sent(GetParam());
  for (std::size_t i = 0; i < GetParam(); ++i) {
    peers.emplace_back(scratch.url("c"));
    ASSERT_TRUE(peers.back().greet());
  }
  for (std::uint32_t i = 0; i < kHeld; ++i) {
    const std::size_t at = i % peers.size();
    const std::string text = hold(i);
    ASSERT_TRUE(
        peers[at].write(std::string(sp::header(sp::Carrier::ipc, text.size()).view()) + text));
    sent[at].insert(text);
  }
  ASSERT_TRUE(eventually([&] { return keeper.count() == kHeld; })) << keeper.count();
  EXPECT_EQ(ask(scratch.url("c"), "ping"), "ping");
  std::thread answers([&] { keeper.answer_all(random); });
  for (std::size_t at = 0; at < peers.size(); ++at) {
    std::multiset<std::string> got;
    while (got.size() < sent[at].size()) {
      const auto reply = peers[at].read_message(sp::Carrier::ipc);
      ASSERT_TRUE(reply);
      got.insert(*reply);
    }
    EXPECT_EQ(sent[at], got) << "connection " << at;
  }
  answers.join();
  EXPECT_TRUE(eventually([&] { return server.busy() == 0; }));
}

INSTANTIATE_TEST_SUITE_P(Connections, ManyHeld, testing::Values(1, 500));

// Or as many as there are descriptors for, both ends of each being ours.
TEST(Many, TenThousandIdleConnectionsKeepNobodyOut) {
  if (engine_under_test() == Engine::nng) GTEST_SKIP() << "nng takes 20 KiB for each";
  raise_descriptor_limit();
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t idle_peers = std::min<std::size_t>(10'000, (limit.rlim_cur - 200) / 2);
  Scratch scratch;
  ControlOptions options = control_options(scratch.url("c"));
  options.pipes = idle_peers + 1;
  EchoServer server(options);
  {
    std::vector<RawPeer> idle;
    for (std::size_t i = 0; i < idle_peers; ++i) {
      idle.emplace_back(server.url());
      ASSERT_TRUE(idle.back().greet()) << i;
    }
    EXPECT_TRUE(eventually([&] { return server.pipes() == idle_peers; }));
    EXPECT_TRUE(server.answers());
  }
  EXPECT_TRUE(eventually([&] { return server.pipes() == 0; }));
}

// More than may lie unread, of requests that come in pieces: whoever reads it is served on.
TEST(Many, BigRepliesToRequestsThatComeTogether) {
  constexpr std::uint32_t kTogether = 40;
  Scratch scratch;
  ControlServer server(control_options(scratch.url("c")),
                       [](std::string, Peer, const ControlServer::Reply& reply) {
                         reply(std::string(256 << 10, 'x'));
                       });
  server.start();
  RawPeer peer(scratch.url("c"));
  ASSERT_TRUE(peer.greet());
  for (int round = 0; round < scaled(30); ++round) {
    std::string all;
    for (std::uint32_t i = 0; i < kTogether; ++i) {
      const std::string text = hold(i);
      all += std::string(sp::header(sp::Carrier::ipc, text.size()).view()) + text;
    }
    std::thread writer([&] {
      for (std::size_t at = 0; at < all.size(); at += 100) peer.write(all.substr(at, 100));
    });
    for (std::uint32_t i = 0; i < kTogether; ++i)
      EXPECT_TRUE(peer.read_message(sp::Carrier::ipc)) << round << ", " << i;
    writer.join();
  }
}

// Who says nothing has no right to a place.
TEST(Many, SilentPeersKeepNobodyOut) {
  if (engine_under_test() == Engine::nng)
    GTEST_SKIP() << "nng counts who said hello, and waits 10 s for it";
  Scratch scratch;
  ControlOptions options = control_options(scratch.url("c"));
  options.pipes = 20;
  EchoServer server(options);
  std::vector<RawPeer> silent;
  for (int i = 0; i < 200; ++i) silent.emplace_back(server.url());
  EXPECT_TRUE(server.answers());
}

// Nor has who takes all there are: here by tcp, which any user of the machine may.
TEST(Many, NoPartyKeepsOthersOut) {
  if (engine_under_test() == Engine::nng) GTEST_SKIP() << "nng has no parties";
  Scratch scratch;
  ControlOptions options = control_options(scratch.url("c"));
  options.urls.push_back(place_at("tcp://127.0.0.1:0"));
  options.pipes = 20;
  EchoServer server(options);
  std::vector<RawPeer> greedy;
  // Until its hello is read it is a silent one.
  const auto are_greeted = [&](std::size_t count) {
    return eventually([&] { return server.pipes() == count; });
  };
  for (std::size_t i = 0; i < 30; ++i) {
    greedy.emplace_back(server.urls()[1]);
    EXPECT_EQ(greedy.back().greet(), i < 20);
    ASSERT_TRUE(are_greeted(std::min<std::size_t>(i + 1, 20)));
  }
  std::vector<RawPeer> fair;
  for (int i = 0; i < 10; ++i) {
    fair.emplace_back(server.urls()[0]);
    EXPECT_TRUE(fair.back().greet()) << i;
    ASSERT_TRUE(are_greeted(20));
  }
  // Half of it each: from here on neither takes anything from the other.
  EXPECT_FALSE(RawPeer(server.urls()[0]).greet());
  EXPECT_FALSE(RawPeer(server.urls()[1]).greet());
  for (RawPeer& peer : fair) {
    EXPECT_TRUE(peer.send_request("ping"));
    EXPECT_TRUE(peer.read_message(sp::Carrier::ipc));
  }
}

// Nobody has looked at them yet, nor at who sends them.
TEST(Many, UnfinishedRequestsDoNotFillTheMemory) {
  if (engine_under_test() == Engine::nng) GTEST_SKIP() << "nng has no parties";
  Scratch scratch;
  ControlOptions options = control_options(scratch.url("c"));
  options.urls.push_back(place_at("tcp://127.0.0.1:0"));
  EchoServer server(options);
  std::vector<RawPeer> peers;
  for (int i = 0; i < 12; ++i) {
    peers.emplace_back(server.urls()[1]);
    ASSERT_TRUE(peers.back().greet());
    if (peers.back().send_header(15 << 20)) peers.back().write(std::string(14 << 20, 'x'));
  }
  EXPECT_TRUE(eventually([&] { return server.pipes() <= 9; })) << server.pipes();
  EXPECT_GT(server.pipes(), 0u);
  EXPECT_EQ(ask(server.urls()[1], "ping"), "ping") << "small ones always come";
  const std::string large(1'000'000, 'x');
  EXPECT_EQ(ask(server.urls()[0], large), large) << "so do others'";
  peers.clear();
  EXPECT_TRUE(eventually([&] { return ask(server.urls()[1], large) == large; }));
}

// By however many connections one party leaves them unread; who reads gets theirs.
TEST(Many, UnreadRepliesDoNotFillTheMemory) {
  if (engine_under_test() == Engine::nng) GTEST_SKIP() << "nng has no parties";
  constexpr int kPeers = 60, kRequests = 6, kReply = 4 << 20;
  Scratch scratch;
  std::atomic<int> answered = 0, refused = 0;
  ControlServer server(control_options(scratch.url("c")), [&](const std::string&, const Peer& peer,
                                                              const ControlServer::Reply& reply) {
    try {
      peer.must_read();
      ++answered;
      reply(std::string(kReply, 'x'));
    } catch (const ApiError&) {
      ++refused;
      reply("busy");
    }
  });
  server.start();
  std::vector<RawPeer> peers;
  std::string requests;
  for (int i = 0; i < kRequests; ++i)
    requests.append(sp::header(sp::Carrier::ipc, 8).view()).append("\x80\0\0\1more", 8);
  for (int i = 0; i < kPeers; ++i) {
    peers.emplace_back(server.urls()[0]);
    ASSERT_TRUE(peers.back().greet());
    peers.back().write(requests);
    // Each is answered, or has left.
    ASSERT_TRUE(eventually([&] { return answered + refused == kRequests * (i + 1); }));
  }
  // Half of what a party may have, and then one for each that has nothing yet.
  EXPECT_LE(answered, (64 << 20) / kReply + kPeers + 2);
  // And the one that has left them longest goes.
  EXPECT_TRUE(eventually([&] { return server.pipes() <= (128 << 20) / kReply + 2; }))
      << server.pipes();
  EXPECT_TRUE(peers.front().wait_for_end());
  const auto page = ask(server.urls()[0], "more");
  EXPECT_TRUE(page && page->size() == kReply) << "who reads has theirs";
}

}  // namespace
}  // namespace domed::test
