#include "transport/event_sockets.h"

#include <nng/protocol/pubsub0/sub.h>

#include <atomic>

#include "support.h"

namespace domed::test {
namespace {

EventOptions event_options(const std::string& url, std::size_t shards) {
  EventOptions options;
  options.listen.engine = engine_under_test();
  options.urls = {place_at(url)};
  options.shards = shards;
  return options;
}

class Subscriber {
 public:
  explicit Subscriber(const std::string& url) : socket_(nng_sub0_open) {
    nng_socket_set(socket_.get(), NNG_OPT_SUB_SUBSCRIBE, "", 0);
    nng_socket_set_ms(socket_.get(), NNG_OPT_RECVTIMEO, 10'000);
    dial(socket_.get(), url, nullptr, 0);
  }
  std::string next() {
    nng_msg* message = nullptr;
    if (nng_recvmsg(socket_.get(), &message, 0) != 0) return "nothing";
    return std::string(body(Message(message).get()));
  }

 private:
  Socket socket_;
};

TEST(EventSockets, SendsAFrameToItsShardOnly) {
  Scratch scratch;
  EventSockets events(event_options(scratch.url("events.ipc"), 2));
  events.start();
  EXPECT_EQ(events.urls(1).at(0), scratch.url("events.ipc.1"));
  Subscriber zero(events.urls(0)[0]), one(events.urls(1)[0]);
  std::atomic<bool> over = false;
  std::thread publisher([&] {  // again and again: the first frames may come too early for them
    for (; !over; std::this_thread::sleep_for(std::chrono::milliseconds(1)))
      for (const std::size_t shard : {0, 1})
        events.send(shard, std::make_shared<const std::string>(shard == 0 ? "zero" : "one"));
  });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(zero.next(), "zero");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(one.next(), "one");
  over = true;
  publisher.join();
}

TEST(EventSockets, NeverWaitsForASubscriberThatDoesNotRead) {
  Scratch scratch;
  EventSockets events(event_options(scratch.url("events.ipc"), 1));
  events.start();
  RawPeer sleeper(events.urls(0)[0]);
  sleeper.write(std::string("\0SP\0\0\x21\0\0", 8));
  ASSERT_TRUE(eventually([&] { return events.pipes() == 1; }));
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < scaled(20'000); ++i)
    events.send(0, std::make_shared<const std::string>(1000, 'x'));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(EventSockets, SurvivesSubscribersThatTalk) {
  Scratch scratch;
  EventSockets events(event_options(scratch.url("events.ipc"), 1));
  events.start();
  RawPeer talker(events.urls(0)[0]);
  talker.write(std::string("\0SP\0\0\x21\0\0", 8));
  talker.send_header(1ull << 40);
  EXPECT_TRUE(talker.wait_for_end());
  EXPECT_TRUE(eventually([&] { return events.pipes() == 0; }));
}

TEST(EventSockets, RefusesTooManyShards) {
  Scratch scratch;
  EXPECT_NE(
      refusal([&] { EventSockets(event_options(scratch.url("e"), 65)); }).find("configure 1 to 64"),
      std::string::npos);
  EXPECT_NE(
      refusal([&] { EventSockets(event_options(scratch.url("e"), 0)); }).find("configure 1 to 64"),
      std::string::npos);
}

TEST(EventSockets, ClosesWithFramesUnderWay) {
  Scratch scratch;
  for (int round = 0; round < scaled(50); ++round) {
    EventSockets events(event_options(scratch.url("events.ipc"), 1));
    events.start();
    Subscriber subscriber(events.urls(0)[0]);
    for (int i = 0; i < 50; ++i) events.send(0, std::make_shared<const std::string>(100'000, 'x'));
  }
}

}  // namespace
}  // namespace domed::test
