#include "client/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <latch>
#include <random>
#include <thread>

#include "client/fake_daemon.h"
#include "client/raw_server.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

// Over each kind of plain socket.
class Plain : public testing::TestWithParam<const char*> {
 protected:
  std::string place() {
    return std::string(GetParam()) == "ipc" ? "ipc://" + scratch_.path() + "/control.ipc"
                                            : "tcp://127.0.0.1:0";
  }

 private:
  Scratch scratch_;
};

INSTANTIATE_TEST_SUITE_P(Over, Plain, testing::Values("ipc", "tcp"),
                         [](const auto& scheme) { return std::string(scheme.param); });

struct Answer {
  int result;
  std::string body;
};

Answer finish(Channel& channel, Channel::Exchange& exchange, const std::stop_token& stop = {}) {
  Channel::Reply reply;
  const int result = channel.finish(exchange, stop, reply);
  return {result, result == 0 ? std::string(reply.body()) : ""};
}

Answer ask(Channel& channel, std::string_view request, std::chrono::milliseconds timeout = 60s) {
  if (const int result = channel.dial(60s, {})) return {result, ""};
  if (!channel.await_connection(60s, {})) return {ENOTCONN, ""};
  return finish(channel, *channel.begin(request, timeout));
}

TEST_P(Plain, AsksAndIsAnswered) {
  RawServer server(place(), [](RawPeer& peer) { peer.echo(); });
  Channel channel({server.url()});
  for (const std::string& text : std::vector<std::string>{"a", "", "b"})
    EXPECT_EQ(ask(channel, text).body, text);
  EXPECT_EQ(server.connections(), 1);
}

// In whatever order the answers come.
TEST_P(Plain, HasThousandsOfRequestsUnderWayOnOneConnection) {
  constexpr int kCount = 5000;
  RawServer server(place(), [](RawPeer& peer) {
    peer.greet();
    std::vector<RawPeer::Request> requests;
    while (auto request = peer.next()) {
      requests.push_back(std::move(*request));
      if (requests.size() < kCount) continue;
      std::shuffle(requests.begin(), requests.end(), std::mt19937(1));
      for (const auto& one : requests) peer.answer(one, one.body);
    }
  });
  Channel channel({server.url()});
  ASSERT_EQ(channel.dial(60s, {}), 0);
  std::vector<std::shared_ptr<Channel::Exchange>> exchanges;
  for (int i = 0; i < kCount; ++i) exchanges.push_back(channel.begin(std::to_string(i), 60s));
  for (int i = 0; i < kCount; ++i) {
    const auto [result, body] = finish(channel, *exchanges[static_cast<std::size_t>(i)]);
    ASSERT_EQ(result, 0) << strerror(result);
    ASSERT_EQ(body, std::to_string(i));
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_P(Plain, GivesEachOfManyThreadsItsOwnAnswer) {
  RawServer server(place(), [](RawPeer& peer) { peer.echo(); });
  Channel channel({server.url()});
  std::atomic<int> right = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        const std::string text = std::to_string(t * 1000 + i);
        if (ask(channel, text).body == text) ++right;
      }
    });
  threads.clear();
  EXPECT_EQ(right, 8 * 300);
  EXPECT_EQ(server.connections(), 1);
}

// The peer reads late, so that most of a request waits on our side, as its answer does on the
// peer's: no thread may wait for the other.
TEST_P(Plain, CarriesWhatNoSocketHoldsAtOnce) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  RawServer server(place(), [](RawPeer& peer) { peer.echo(); });
  Channel channel({server.url()});
  ASSERT_EQ(channel.dial(60s, {}), 0);
  std::vector<std::pair<std::string, std::shared_ptr<Channel::Exchange>>> under_way;
  for (int i = 0; i < 12; ++i) {
    std::string text(random() % 3 ? random() % (3 << 20) : random() % 300,
                     static_cast<char>('a' + i));
    auto exchange = channel.begin(text, 60s);
    under_way.emplace_back(std::move(text), std::move(exchange));
  }
  for (auto& [text, exchange] : under_way) EXPECT_TRUE(finish(channel, *exchange).body == text);
}

TEST_P(Plain, LeavesARequestAtOnceAndDropsItsLateAnswer) {
  std::stop_source stop;
  RawServer server(place(), [&](RawPeer& peer) {
    peer.greet();
    const auto first = peer.next();
    stop.request_stop();
    const auto second = peer.next();
    if (!first || !second) return;
    peer.answer(*first, "late");
    peer.answer(*second, "second");
    peer.wait();
  });
  Channel channel({server.url()});
  ASSERT_EQ(channel.dial(60s, {}), 0);
  EXPECT_EQ(finish(channel, *channel.begin("first", 600s), stop.get_token()).result, ECANCELED);
  EXPECT_EQ(ask(channel, "second").body, "second");
}

// Those that wait for another one's reading, too.
TEST_P(Plain, LeavesAllThatWaitAtOnce) {
  RawServer server(place(), [](RawPeer& peer) {
    peer.greet();
    while (peer.next()) {
    }
  });
  Channel channel({server.url()});
  ASSERT_EQ(channel.dial(60s, {}), 0);
  std::stop_source stop;
  std::atomic<int> left = 0;
  std::latch begun(6);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      const auto exchange = channel.begin("x", 600s);
      begun.count_down();
      if (finish(channel, *exchange, stop.get_token()).result == ECANCELED) ++left;
    });
  begun.wait();
  stop.request_stop();
  threads.clear();
  EXPECT_EQ(left, 6);
}

TEST_P(Plain, EndsARequestWithItsTime) {
  RawServer server(place(), [](RawPeer& peer) {
    peer.greet();
    while (peer.next()) {
    }
  });
  Channel channel({server.url()});
  EXPECT_EQ(ask(channel, "x", 20ms).result, ETIMEDOUT);
}

TEST_P(Plain, FailsWhatLostItsConnectionAndMakesANewOne) {
  RawServer server(place(), [](RawPeer& peer) {
    peer.greet();
    for (int i = 0; i < 2; ++i)
      if (const auto request = peer.next(); request && request->body != "lose")
        peer.answer(*request, request->body);
  });
  Channel channel({server.url()});
  for (int i = 1; i <= 4; ++i) {
    EXPECT_EQ(ask(channel, "a").body, "a");
    EXPECT_EQ(ask(channel, "lose").result, ECONNRESET);
    EXPECT_EQ(server.connections(), i);
  }
}

// A connection that ended while nobody looked is not used for the next request.
TEST_P(Plain, SeesThatItsConnectionEndedBeforeItSends) {
  std::atomic<int> ended = 0;
  RawServer server(place(), [&](RawPeer& peer) {
    peer.greet();
    if (const auto request = peer.next()) peer.answer(*request, "once");
    shutdown(peer.socket(), SHUT_RDWR);
    ++ended;
  });
  Channel channel({server.url()});
  for (int i = 1; i <= 5; ++i) {
    EXPECT_EQ(ask(channel, "a").body, "once") << i;
    while (ended < i) std::this_thread::yield();
  }
}

TEST_P(Plain, EndsWhatOthersWaitForWhenItIsDestroyed) {
  std::atomic<int> heard = 0;
  RawServer server(place(), [&](RawPeer& peer) {
    peer.greet();
    while (peer.next()) ++heard;
  });
  std::optional<Channel> channel(std::in_place, std::vector{server.url()});
  ASSERT_EQ(channel->dial(60s, {}), 0);
  std::atomic<int> ended = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 5; ++i)
    threads.emplace_back([&] {
      const auto exchange = channel->begin("x", 600s);
      Channel::Reply reply;
      if (channel->finish(*exchange, {}, reply) == ECANCELED) ++ended;
    });
  while (heard < 5) std::this_thread::yield();
  // Some of them are waiting by now; those that are not find it in the middle of its end.
  while (channel->waiting() < 5) std::this_thread::yield();
  channel.reset();
  threads.clear();
  EXPECT_EQ(ended, 5);
}

TEST_P(Plain, ServesCallbacksOnTheThreadThatServes) {
  RawServer server(place(), [](RawPeer& peer) { peer.echo(); });
  Channel channel({server.url()});
  std::string got;
  const auto self = std::this_thread::get_id();
  for (const std::string& text : std::vector<std::string>{"a", "b", "c"})
    channel.start(text, 60s, [&](int result, const Channel::Reply& reply) {
      EXPECT_EQ(result, 0);
      EXPECT_EQ(std::this_thread::get_id(), self);
      got += reply.body();
    });
  while (got.size() < 3) channel.serve(Connection::Clock::now() + 60s);
  EXPECT_EQ(got, "abc");
}

TEST_P(Plain, TakesAnswersAheadWhereAsked) {
  std::atomic<bool> written = false;
  RawServer server(place(), [&](RawPeer& peer) {
    peer.greet();
    if (const auto first = peer.next()) peer.answer(*first, "first");
    const auto request = peer.next();
    if (!request) return;
    peer.answer(*request, std::string(15 << 20, 'x'));  // returns when most of it was read
    written = true;
    peer.wait();
  });
  Channel channel({server.url()});
  ASSERT_EQ(channel.dial(60s, {}), 0);
  channel.read_ahead();
  EXPECT_EQ(ask(channel, "x").body, "first");
  const auto exchange = channel.begin("x", 60s);
  while (!written) std::this_thread::yield();
  EXPECT_EQ(finish(channel, *exchange).body.size(), 15u << 20);
}

}  // namespace
}  // namespace domed
