#include "client/subscription.h"

#include <gtest/gtest.h>
#include <nng/protocol/reqrep0/rep.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "client/client.h"
#include "client/fake_daemon.h"
#include "client/raw_server.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class Frames : public testing::Test {
 protected:
  std::string place() const { return "ipc://" + scratch_.path() + "/events.ipc"; }
  Scratch scratch_;
};

std::string next(Subscription& frames) {
  return frames.next(Clock::now() + 60s, {}).value_or("nothing");
}

TEST_F(Frames, ComeByTheirTopics) {
  RawServer server(place(), [](RawPeer& peer) {
    peer.greet(sp::Role::pub);
    for (const char* frame :
         {"job/1\nhers", "job/10\nother", "", "job/1", "daemon\nx", "job/1\nhis"})
      peer.say(frame);
    peer.wait();
  });
  Subscription frames(place(), {"job/1\n", "daemon\n"});
  for (const char* frame : {"job/1\nhers", "daemon\nx", "job/1\nhis"})
    EXPECT_EQ(next(frames), frame);
  EXPECT_FALSE(frames.next(Clock::time_point::min(), {}));
}

TEST_F(Frames, ComeAgainAfterEachLoss) {
  RawServer server(place(), [](RawPeer& peer) {
    peer.greet(sp::Role::pub);
    peer.say("one");
    peer.send("garbage");
  });
  Subscription frames(place(), {"one"});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(next(frames), "one");
  EXPECT_GE(server.connections(), 4);
}

// Nobody asks for a frame, and yet the publisher is not held up; the newest are kept.
TEST_F(Frames, AreReadWhileNobodyTakesThem) {
  constexpr int kCount = 40'000;
  std::atomic<bool> written = false;
  RawServer server(place(), [&](RawPeer& peer) {
    peer.greet(sp::Role::pub);
    for (int i = 0; i < kCount; ++i) peer.say("job " + std::to_string(i) + std::string(300, ' '));
    written = true;
    peer.wait();
  });
  Subscription frames(place(), {"job"});
  while (!written) std::this_thread::yield();
  std::vector<std::string> got;
  do got.push_back(next(frames));
  while (!got.back().starts_with("job " + std::to_string(kCount - 1)));
  EXPECT_LT(got.size(), 20'000u) << "as many as are held, and what a socket holds";
}

TEST_F(Frames, CannotBeHadFromWhatIsNoUrl) {
  for (const char* url : {"", "events", "ipc://relative", "gopher://x", "http://x"})
    EXPECT_THROW(Subscription(url, {"x"}), Error) << url;
}

TEST_F(Frames, AreNotWaitedForByWhoIsTold) {
  RawServer server(place(), [](RawPeer& peer) {
    peer.greet(sp::Role::pub);
    peer.wait();
  });
  Subscription frames(place(), {"x"});
  std::stop_source stop;
  std::jthread user([&] { stop.request_stop(); });
  EXPECT_FALSE(frames.next(Clock::now() + 600s, stop.get_token()));
}

std::vector<std::string> threads() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
    out.push_back(entry.path().filename());
  return out;
}

bool takes_signals(const std::string& thread) {
  std::ifstream status("/proc/self/task/" + thread + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("SigBlk:"))
      return (std::stoull(line.substr(7), nullptr, 16) & (1ull << (SIGTERM - 1))) == 0;
  return false;
}

// In a process of its own: other tests have nng's threads.
TEST(ClientDeathTest, MakesNoThreadThatIsNotNeededAndNoneThatTakesSignals) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        Scratch scratch;
        std::string url = "ipc://" + scratch.path() + "/control.ipc";
        const Fd listener = raw_listener(url, 8);
        std::thread([] {}).join();  // a sanitizer's own thread comes with the first
        const auto before = threads().size();
        const auto taking = [] {
          int count = 0;
          for (const auto& thread : threads()) count += takes_signals(thread);
          return count;
        };
        const int took = taking();
        Client client(url);
        CallOptions options;
        options.deadline = 50ms;
        try {
          client.call("Health", {}, options);
        } catch (const ApiError&) {
        }
        if (threads().size() != before) _exit(1);
        Subscription frames(url, {"x"});
        if (threads().size() != before + 1) _exit(2);
        _exit(taking() == took ? 0 : 3);
      },
      testing::ExitedWithCode(0), "");
}

// What is not ours to speak goes by nng.
TEST(NngWire, CarriesRequestsOverWebSockets) {
  std::string port = "0";
  for (int life = 0; life < 2; ++life) {
    Socket rep(nng_rep0_open);
    nng_listener listener;
    check_nng(nng_listen(rep.get(), ("ws://127.0.0.1:" + port + "/control").c_str(), &listener, 0),
              "listen");
    int number = 0;
    check_nng(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &number), "port");
    port = std::to_string(number);
    std::jthread serving([&] {
      for (int i = 0; i < 3; ++i) {
        nng_msg* message = nullptr;
        check_nng(nng_recvmsg(rep.get(), &message, 0), "receive");
        check_nng(nng_sendmsg(rep.get(), message, 0), "send");
      }
    });
    Channel channel({"ws://127.0.0.1:" + port + "/control"});
    ASSERT_EQ(channel.dial(60s, {}), 0);
    for (const std::string& text : std::vector<std::string>{"a", "bc", ""}) {
      Channel::Reply reply;
      ASSERT_EQ(channel.finish(*channel.begin(text, 60s), {}, reply), 0);
      EXPECT_EQ(reply.body(), text);
    }
    serving.join();
    rep.close();
    Channel::Reply reply;
    EXPECT_EQ(channel.finish(*channel.begin("x", 60s), {}, reply), ECONNRESET);
    EXPECT_EQ(Channel({"ws://127.0.0.1:" + port + "/control"}).dial(60s, {}), ECONNREFUSED);
  }
}

}  // namespace
}  // namespace domed
