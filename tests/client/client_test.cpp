#include "client/client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <stop_token>
#include <thread>
#include <vector>

#include "client/fake_daemon.h"
#include "protocol/endpoint.h"
#include "system/own_file.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

CallOptions within(std::chrono::milliseconds deadline, std::chrono::milliseconds reply = 200ms) {
  CallOptions options;
  options.deadline = deadline;
  options.reply_timeout = reply;
  return options;
}

std::string failure(Client& client, const CallOptions& options) {
  try {
    return "result " + client.call("Health", Json::object(), options).dump();
  } catch (const ApiError& e) {
    return e.name() + ": " + e.what();
  }
}

TEST(Endpoints, AreParted) {
  using Urls = std::vector<std::string>;
  EXPECT_EQ(endpoints_of("ipc:///a"), Urls{"ipc:///a"});
  EXPECT_EQ(endpoints_of("ipc:///a,b,tcp://h:1,tls+tcp://h:2"),
            (Urls{"ipc:///a,b", "tcp://h:1", "tls+tcp://h:2"}));
  EXPECT_EQ(endpoints_of("ipc:///a,"), Urls{"ipc:///a,"});
  EXPECT_EQ(endpoints_of(""), Urls{""});
}

TEST(Endpoints, ThatAreEveryAddressAreWhereTheDaemonWasFound) {
  const std::string at = "tls+tcp://ci.example:7443";
  EXPECT_EQ(reachable_url("tls+tcp://0.0.0.0:7444", at), "tls+tcp://ci.example:7444");
  EXPECT_EQ(reachable_url("tls+tcp://[::]:7444", at), "tls+tcp://ci.example:7444");
  EXPECT_EQ(reachable_url("ws://0.0.0.0:80/e", "tcp://[::1]:1"), "ws://[::1]:80/e");
  for (const char* url : {"tls+tcp://127.0.0.1:7444", "tls+tcp://10.0.0.0:1", "ipc:///0.0.0.0:1",
                          "nonsense", "", "tcp://", "0.0.0.0:1"})
    EXPECT_EQ(reachable_url(url, at), url);
  for (const char* endpoint : {"ipc:///run/c.ipc", "nonsense", ""})
    EXPECT_EQ(reachable_url("tcp://0.0.0.0:1", endpoint), "tcp://0.0.0.0:1");
}

TEST(Client, CallsAMethod) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Client client(daemon.control());
  EXPECT_EQ("fake", client.call("Health", Json::object())["version"]);
}

TEST(Client, RefusesWhatTheProtocolCannotCarry) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Client client(daemon.control());
  try {
    client.call("Health", {{"name", "caf\xe9"}});
    FAIL();
  } catch (const ApiError& e) {
    EXPECT_EQ("E_INVALID_REQUEST", e.name());
  }
  EXPECT_EQ(0, daemon.calls("Health"));
}

// A store without room for it refuses for as long as that lasts.
TEST(Client, SaysWhatItWaitsOutAndThatItIsOver) {
  Scratch scratch;
  std::vector<std::string> told;
  std::atomic<bool> full{true};
  FakeDaemon daemon(scratch.path());
  Client client(daemon.control(), {}, [&](const ApiError* error) {
    told.push_back(error ? error->name() + ": " + error->what() : "over");
  });
  daemon.answer("Health", [&](const Json&) -> std::optional<Json> {
    if (full) throw ApiError("E_STORE", "no room", {{"retryable", true}});
    return Json{{"version", "fake"}};
  });
  CallOptions options = within(60s, 60s);  // each is answered, however late
  std::stop_source stop;
  options.stop = stop.get_token();
  std::jthread calling([&] { EXPECT_EQ("fake", client.call("Health", {}, options)["version"]); });
  while (daemon.calls("Health") < 7) std::this_thread::yield();  // the tries of three seconds
  full = false;
  calling.join();
  EXPECT_EQ(told, (std::vector<std::string>{"E_STORE: no room", "over"}));
  client.call("Health", {}, options);
  EXPECT_EQ(told.size(), 2u);
}

TEST(Client, NamesASocketThatIsNotAControlSocket) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Client client(daemon.events());
  const std::string text = failure(client, within(300ms));
  EXPECT_NE(std::string::npos, text.find("another socket")) << text;
}

TEST(Client, SaysAtOnceThatThereIsNoDaemon) {
  Scratch scratch;
  Client client("ipc://" + scratch.path() + "/none.ipc");
  const auto begin = Clock::now();
  const std::string text = failure(client, within(30s));
  EXPECT_LT(Clock::now() - begin, 10s);
  EXPECT_EQ("E_UNREACHABLE: no daemon answers at ipc://" + scratch.path() +
                "/none.ipc (no such socket): start one with 'domed --config FILE', or name "
                "another with --endpoint or DOMED_ENDPOINT",
            text);
}

TEST(Client, TellsAFileFromAMissingSocket) {
  Scratch scratch;
  std::ofstream(scratch.path() + "/control.ipc") << "";
  Client client("ipc://" + scratch.path() + "/control.ipc");
  const std::string text = failure(client, within(30s));
  EXPECT_NE(std::string::npos, text.find("(it is a file and no socket)")) << text;
}

TEST(Client, TellsASilentDaemonFromAMissingOne) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.answer("Health", [](const Json&) { return std::nullopt; });
  Client client(daemon.control());
  const std::string text = failure(client, within(300ms, 100ms));
  EXPECT_NE(std::string::npos, text.find("although it accepts connections")) << text;
}

TEST(Client, WaitsForADaemonWhereAsked) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.stop();
  Client client(daemon.control());
  std::jthread later([&] {
    std::this_thread::sleep_for(100ms);
    daemon.start();
  });
  auto options = within(60s, 10s);
  options.await_daemon = true;
  EXPECT_EQ(R"(result {"version":"fake"})", failure(client, options));
  later.join();
}

TEST(Client, WaitsAMomentForADaemonThatDoesNotListenYet) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.stop();
  Client client(daemon.control(), {.unseen = 60s});
  std::jthread later([&] { daemon.start(); });
  EXPECT_EQ(R"(result {"version":"fake"})", failure(client, within(60s, 10s)));
  later.join();
}

TEST(Client, WaitsForADaemonThatHoldsItsLock) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.stop();
  const auto lock = lock_own(lock_beside(*ipc_path_of(daemon.control())));
  int told = 0;
  Client client(daemon.control(), {.starting = 60s, .tell = [&](const std::string& url) {
                                     EXPECT_EQ(daemon.control(), url);
                                     ++told;
                                     daemon.start();
                                   }});
  EXPECT_EQ(R"(result {"version":"fake"})", failure(client, within(60s, 10s)));
  EXPECT_EQ(1, told);
}

// The one before it still took the connection, and reset it.
TEST(Client, WaitsForTheDaemonAfterOneThatEnds) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.stop();
  const std::string path = *ipc_path_of(daemon.control());
  const auto lock = lock_own(lock_beside(path));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(0, ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address));
  ASSERT_EQ(0, ::listen(listener, 8));
  std::jthread ending([&] {
    ::close(::accept(listener, nullptr, nullptr));
    ::close(listener);
  });
  Client client(daemon.control(),
                {.starting = 60s, .tell = [&](const std::string&) { daemon.start(); }});
  EXPECT_EQ(R"(result {"version":"fake"})", failure(client, within(60s, 10s)));
}

TEST(Client, EndsItsWaitWithTheLock) {
  Scratch scratch;
  const std::string path = scratch.path() + "/none.ipc";
  auto lock = lock_own(lock_beside(path));
  Client client("ipc://" + path, {.starting = 60s, .tell = [&](const std::string&) {
                                    lock.reset();  // as of a daemon that could not start
                                  }});
  const auto begin = Clock::now();
  const std::string text = failure(client, within(60s));
  EXPECT_LT(Clock::now() - begin, 30s);
  EXPECT_NE(std::string::npos, text.find("(no such socket): start one")) << text;
}

TEST(Client, SaysThatADaemonIsStillStarting) {
  Scratch scratch;
  const std::string path = scratch.path() + "/none.ipc";
  const auto lock = lock_own(lock_beside(path));
  Client client("ipc://" + path);
  EXPECT_EQ("E_UNREACHABLE: no daemon answers at ipc://" + path + " yet, but one holds the lock " +
                path +
                ".lock: it is still starting; try again later, its log says what it is doing",
            failure(client, within(30s)));
}

TEST(Client, HasNoPatienceWithWhatCannotBecomeADaemon) {
  Scratch scratch;
  std::ofstream(scratch.path() + "/control.ipc") << "";
  std::ofstream(scratch.path() + "/file") << "";
  for (const std::string& url :
       {"ipc://" + scratch.path() + "/control.ipc", "ipc://" + scratch.path() + "/file/control.ipc",
        std::string("ipc://control.ipc"), "ipc:///" + std::string(200, 'x')}) {
    Client client(url, {.unseen = 60s});
    const auto begin = Clock::now();
    EXPECT_EQ(0u, failure(client, within(60s)).find("E_UNREACHABLE: ")) << url;
    EXPECT_LT(Clock::now() - begin, 30s) << url;
  }
}

TEST(Client, HasPatienceWithinItsDeadlineOnly) {
  Scratch scratch;
  Client client("ipc://" + scratch.path() + "/none.ipc", {.unseen = 60s});
  const auto begin = Clock::now();
  failure(client, within(50ms));
  EXPECT_LT(Clock::now() - begin, 30s);
}

TEST(Client, RepeatsARequestWhoseReplyWasLost) {
  Scratch scratch;
  std::atomic<int> calls = 0;
  FakeDaemon daemon(scratch.path());
  daemon.answer("Health", [&](const Json&) {
    return ++calls < 3 ? std::nullopt : std::optional<Json>(Json::object());
  });
  Client client(daemon.control());
  EXPECT_EQ("result {}", failure(client, within(60s, 100ms)));
  EXPECT_GE(calls, 3);  // a slow reply is asked for again
}

TEST(Client, HonoursRetryableErrorsUntilItsDeadline) {
  Scratch scratch;
  std::atomic<int> calls = 0;
  FakeDaemon daemon(scratch.path());
  daemon.answer("Health", [&](const Json&) -> std::optional<Json> {
    if (++calls < 4) throw ApiError("E_BUSY", "busy", {{"retry_ms", 1}});
    return Json::object();
  });
  Client client(daemon.control());
  EXPECT_EQ("result {}", failure(client, within(60s, 10s)));
  calls = -1'000'000;
  EXPECT_EQ("E_BUSY: busy", failure(client, within(2s, 10s)));
}

TEST(Client, ThrowsOtherErrorsAtOnce) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Client client(daemon.control());
  EXPECT_THROW(client.call("Nonsense", Json::object()), ApiError);
  EXPECT_EQ(1, daemon.calls("Nonsense"));
}

TEST(Client, SurvivesARestartOfTheDaemon) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Client client(daemon.control());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(R"(result {"version":"fake"})", failure(client, within(60s, 10s)));
    daemon.stop();
    daemon.start();
  }
}

TEST(Client, IsUsedFromManyThreads) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.answer("Echo", [](const Json& params) { return params; });
  Client client(daemon.control());
  std::atomic<int> right = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i)
        if (client.call("Echo", {{"n", t * 1000 + i}})["n"] == t * 1000 + i) ++right;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(400, right);
}

TEST(Client, StopsWaitingWhenTold) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  std::stop_source stop;
  daemon.answer("Health", [&](const Json&) {
    stop.request_stop();
    return std::nullopt;
  });
  Client client(daemon.control());
  auto options = within(600s, 600s);
  options.stop = stop.get_token();
  EXPECT_EQ("E_STOPPED: the call was stopped by its caller", failure(client, options));
}

}  // namespace
}  // namespace domed
