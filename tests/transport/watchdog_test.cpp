#include "transport/watchdog.h"

#include <atomic>

#include "support.h"
#include "transport/event_sockets.h"

namespace domed::test {
namespace {

using std::chrono::milliseconds;

// Waits so long for an answer: little where none will come, and much where one
// must, be the machine ever so busy.
WatchdogOptions waiting(milliseconds timeout) {
  WatchdogOptions options;
  options.ping = "ping";
  options.period = milliseconds(10);
  options.control_timeout = options.event_timeout = timeout;
  return options;
}
constexpr milliseconds kLittle{200};
constexpr milliseconds kMuch{20'000};

TEST(Watchdog, LeavesAListenerThatAnswersAlone) {
  Scratch scratch;
  EchoServer server(scratch.url("c"));
  Watchdog watchdog(waiting(kMuch), server.endpoints(), {});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(watchdog.check_once(), 0u);
}

TEST(Watchdog, ListensAnewWhereTheSocketFileIsGone) {
  Scratch scratch;
  EchoServer server(scratch.url("c"));
  Client old(server.url());
  ASSERT_TRUE(old.ask("before"));
  Watchdog watchdog(waiting(kLittle), server.endpoints(), {});
  std::filesystem::remove(scratch.path("c"));
  EXPECT_EQ(watchdog.check_once(), 1u);
  EXPECT_EQ(watchdog.check_once(), 0u);
  EXPECT_TRUE(server.answers());
  EXPECT_EQ(old.ask("after"), "after") << "its connection should have lived on";
}

TEST(Watchdog, ListensAnewAsOftenAsItMust) {
  Scratch scratch;
  EchoServer server(scratch.url("c"));
  Watchdog watchdog(waiting(kLittle), server.endpoints(), {});
  for (int i = 0; i < 7; ++i) {
    std::filesystem::remove(scratch.path("c"));
    EXPECT_EQ(watchdog.check_once(), 1u) << i;
    EXPECT_TRUE(server.answers()) << i;
  }
}

TEST(Watchdog, RefusesToReplaceAFileThatAppearedAtThePath) {
  Scratch scratch;
  EchoServer server(scratch.url("c"));
  Watchdog watchdog(waiting(kLittle), server.endpoints(), {});
  std::filesystem::remove(scratch.path("c"));
  std::filesystem::create_directory(scratch.path("c"));
  EXPECT_EQ(watchdog.check_once(), 0u);
  EXPECT_TRUE(std::filesystem::is_directory(scratch.path("c")));
  std::filesystem::remove(scratch.path("c"));
  EXPECT_EQ(watchdog.check_once(), 1u);
  EXPECT_TRUE(server.answers());
}

TEST(Watchdog, MakesARemovedDirectoryAgain) {
  Scratch scratch;
  EchoServer server(scratch.url("run/domed/c"));
  Client old(server.url());
  ASSERT_TRUE(old.ask("before"));
  Watchdog watchdog(waiting(kMuch), server.endpoints(), {});
  for (const auto* gone : {"run/domed", "run"}) {
    std::filesystem::remove_all(scratch.path(gone));
    EXPECT_EQ(watchdog.check_once(), 1u) << gone;
    EXPECT_TRUE(server.answers()) << gone;
    EXPECT_TRUE(std::filesystem::exists(scratch.path("run/domed/c.lock"))) << gone;
  }
  EXPECT_EQ(old.ask("after"), "after");
}

TEST(Watchdog, ChecksADirectoryThatItMakesAgain) {
  Scratch scratch;
  EchoServer server(scratch.url("run/c"));
  Watchdog watchdog(waiting(kMuch), server.endpoints(), {});
  std::filesystem::remove_all(scratch.path("run"));
  std::filesystem::create_directory(scratch.path("run"));
  ASSERT_EQ(chmod(scratch.path("run").c_str(), 0777), 0);
  EXPECT_EQ(watchdog.check_once(), 0u);
  ASSERT_EQ(chmod(scratch.path("run").c_str(), 0700), 0);
  EXPECT_EQ(watchdog.check_once(), 1u);
  EXPECT_TRUE(server.answers());
}

TEST(Watchdog, TakesARemovedLockAgain) {
  Scratch scratch;
  EchoServer server(scratch.url("c"));
  Watchdog watchdog(waiting(kMuch), server.endpoints(), {});
  std::filesystem::remove(scratch.path("c.lock"));
  EXPECT_EQ(watchdog.check_once(), 1u);
  EXPECT_NE(
      refusal([&] { EchoServer second(scratch.url("c")); }).find("is served by another domed"),
      std::string::npos);
  EXPECT_TRUE(server.answers());
}

// Nor when it ends: what lies at the path by then is the other one's.
TEST(Watchdog, LeavesAPlaceToAnotherDaemonThatTookIt) {
  Scratch scratch;
  auto first = std::make_unique<EchoServer>(scratch.url("run/c"));
  Watchdog watchdog(waiting(kMuch), first->endpoints(), {});
  std::filesystem::remove_all(scratch.path("run"));
  Process second({GUARDED, "server", scratch.url("run/c")});
  ASSERT_TRUE(second.wait_ready());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(watchdog.check_once(), 0u);
  first->shutdown({});
  first.reset();
  EXPECT_EQ(ask(scratch.url("run/c"), "ping"), "ping");
}

TEST(Watchdog, LeavesAPlaceToAnotherProgramAndTakesItBack) {
  Scratch scratch;
  EchoServer server(scratch.url("c"));
  Watchdog watchdog(waiting(kMuch), server.endpoints(), {});
  std::filesystem::remove(scratch.path("c"));
  {
    RawListener other(scratch.path("c"));
    EXPECT_EQ(watchdog.check_once(), 0u);
  }
  EXPECT_TRUE(std::filesystem::exists(scratch.path("c")));
  EXPECT_EQ(watchdog.check_once(), 1u);
  EXPECT_TRUE(server.answers());
}

TEST(Watchdog, OnlyReportsAListenerWhoseOwnerIsStuck) {
  Scratch scratch;
  const auto mute = [](std::string, const Peer&, const ControlServer::Reply&) {};
  ControlServer server(control_options(scratch.url("c")), mute);
  server.start();
  Watchdog watchdog(waiting(milliseconds(700)), server.endpoints(), {});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(watchdog.check_once(), 0u);
}

TEST(Watchdog, HearsFramesOfTheDaemon) {
  Scratch scratch;
  EventOptions options;
  options.listen.engine = engine_under_test();
  options.urls = {scratch.url("e"), "tcp://127.0.0.1:0"};
  options.shards = 2;
  EventSockets events(options);
  events.start();
  std::atomic<bool> over = false;
  std::thread heart([&] {
    for (; !over; std::this_thread::sleep_for(milliseconds(5)))
      for (std::size_t shard : {0, 1})
        events.send(shard, std::make_shared<const std::string>("daemon\n{}"));
  });
  Watchdog patient(waiting(kMuch), {}, events.endpoints());
  EXPECT_EQ(patient.check_once() + patient.check_once(), 0u);
  std::filesystem::remove(scratch.path("e.1"));
  EXPECT_EQ(patient.check_once() + patient.check_once(), 1u);
  over = true;
  heart.join();
}

TEST(Watchdog, RunsOnItsOwn) {
  Scratch scratch;
  EchoServer server(scratch.url("c"));
  Watchdog watchdog(waiting(kLittle), server.endpoints(), {});
  watchdog.start();
  std::filesystem::remove(scratch.path("c"));
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(scratch.path("c")); }));
  EXPECT_TRUE(eventually([&] { return server.answers(); }));
  watchdog.stop();
}

TEST(Watchdog, StopsInTheMiddleOfACheck) {
  Scratch scratch;
  EchoServer server(scratch.url("c"));
  Watchdog watchdog(waiting(kMuch), server.endpoints(), {});
  std::filesystem::remove(scratch.path("c"));
  watchdog.start();
  std::this_thread::yield();
  watchdog.stop();
}

TEST(Watchdog, BringsBackAServerThatRanOutOfDescriptors) {
  Scratch scratch;
  Process server({GUARDED, "limited", scratch.url("c"), "64"});
  ASSERT_TRUE(server.wait_ready());
  {
    std::vector<RawPeer> peers;
    for (int i = 0; i < 100; ++i) peers.emplace_back(scratch.url("c"));
    EXPECT_FALSE(ask(scratch.url("c"), "ping", 1'500));
  }
  EXPECT_TRUE(eventually([&] { return ask(scratch.url("c"), "ping", 500) == "ping"; }));
}

// Without the guards a peer that leaves at once ends the listener for good.
TEST(Watchdog, RevivesAListenerThatDied) {
  Scratch scratch;
  for (const std::string& url : {scratch.url("c"), std::string("tcp://127.0.0.1:0")}) {
    const int status = Process({BARE, "revive", url, "1000"}).wait_exit();
    if (status == 77) GTEST_SKIP() << "nng " << nng_version() << " keeps its listeners alive";
    EXPECT_EQ(status, 0) << url;
  }
}

}  // namespace
}  // namespace domed::test
