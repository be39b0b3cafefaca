#include "transport/control_server.h"

#include <sys/stat.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "support.h"

namespace domed::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A handler that keeps the replies for the test to give.
class Held {
 public:
  ControlServer::Handler handler() {
    return [this](std::string, Peer peer, ControlServer::Reply reply) {
      const std::lock_guard lock(mutex_);
      pipes_.push_back(peer.pipe);
      replies_.push_back(std::move(reply));
      changed_.notify_all();
    };
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return replies_.size();
  }
  ControlServer::Reply take() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, seconds(20), [&] { return !replies_.empty(); });
    ControlServer::Reply reply = std::move(replies_.front());
    replies_.pop_front();
    return reply;
  }
  std::uint32_t first_pipe() {
    const std::lock_guard lock(mutex_);
    return pipes_.front();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ControlServer::Reply> replies_;
  std::deque<std::uint32_t> pipes_;
};

TEST(ControlServer, AnswersFromAnotherThreadLater) {
  Scratch scratch;
  Held held;
  ControlServer server(control_options(scratch.url("c")), held.handler());
  server.start();
  Client client(scratch.url("c"));
  ASSERT_TRUE(client.send("question"));
  std::thread([reply = held.take()] { reply("answer"); }).join();
  EXPECT_EQ(client.receive(), "answer");
  EXPECT_TRUE(eventually([&] { return server.busy() == 0; }));
}

TEST(ControlServer, TakesOnlyTheFirstCallOfAReply) {
  Scratch scratch;
  Held held;
  ControlServer server(control_options(scratch.url("c")), held.handler());
  server.start();
  Client client(scratch.url("c"));
  ASSERT_TRUE(client.send("question"));
  const auto reply = held.take();
  reply("first");
  reply("second");
  EXPECT_EQ(client.receive(), "first");
}

TEST(ControlServer, GoesOnAfterDroppedReplies) {
  Scratch scratch;
  const auto handler = [](std::string request, const Peer&, const ControlServer::Reply& reply) {
    if (request != "drop") reply("kept");
  };
  ControlOptions options = control_options(scratch.url("c"));
  options.contexts = 2;
  ControlServer server(options, handler);
  server.start();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(ask(scratch.url("c"), "drop", 20));
  EXPECT_EQ(ask(scratch.url("c"), "keep"), "kept");
}

TEST(ControlServer, GoesOnAfterAHandlerThrows) {
  Scratch scratch;
  const auto handler = [](std::string request, const Peer&, const ControlServer::Reply& reply) {
    if (request == "throw") throw std::runtime_error("on purpose");
    reply("kept");
  };
  ControlServer server(control_options(scratch.url("c")), handler);
  server.start();
  EXPECT_FALSE(ask(scratch.url("c"), "throw", 50));
  EXPECT_EQ(ask(scratch.url("c"), "keep"), "kept");
}

TEST(ControlServer, TellsByWhichDoorARequestCame) {
  Scratch scratch;
  const auto handler = [](std::string, const Peer& peer, const ControlServer::Reply& reply) {
    reply(peer.door == Door::ipc ? "ipc" : peer.door == Door::network ? "network" : "gone");
  };
  ControlOptions options = control_options(scratch.url("c"));
  options.urls.push_back("tcp://127.0.0.1:0");
  options.urls.push_back("ws://127.0.0.1:0/");
  ControlServer server(options, handler);
  server.start();
  for (const std::string& url : server.urls())
    EXPECT_EQ(ask(url, "?"), url.starts_with("ipc") ? "ipc" : "network") << url;
}

// A runner shows neither certificate nor token, and takes a refusal for the daemon's word.
TEST(ControlServer, SendsItsOwnProcessesWhereTheyMayAppend) {
  const auto place = [](const std::string& url, Grant grant) {
    Place out(url);
    out.access = std::make_shared<const Access>(std::vector<Grant>{grant}, "n1",
                                                std::make_shared<const Tokens>(), true);
    return out;
  };
  const Grant tokens{Role::admin, Grant::To::token, "*"},
      readers{Role::reader, Grant::To::anyone, ""},
      producers{Role::producer, Grant::To::anyone, ""};
  ControlOptions options = control_options("tcp://127.0.0.1:0");
  options.urls = {place("tcp://127.0.0.1:0", tokens), place("tcp://127.0.0.1:0", readers)};
  {
    EchoServer server(options);
    EXPECT_NE("", refusal([&] { server.urls_for_own_processes(); }));
  }
  options.urls.push_back(place("tcp://127.0.0.1:0", producers));
  {
    EchoServer server(options);
    EXPECT_EQ(std::vector<std::string>{server.urls().at(2)}, server.urls_for_own_processes());
  }
  Scratch scratch;
  options.urls.push_back(place(scratch.url("c"), tokens));
  EchoServer server(options);
  EXPECT_EQ(std::vector<std::string>{scratch.url("c")}, server.urls_for_own_processes());
}

TEST(ControlServer, TellsWhenTheClientOfAHeldReplyLeft) {
  Scratch scratch;
  Held held;
  std::atomic<std::uint32_t> gone = 0;
  ControlServer server(control_options(scratch.url("c")), held.handler());
  server.on_pipe_gone([&](std::uint32_t pipe) { gone = pipe; });
  server.start();
  {
    Client client(scratch.url("c"));
    ASSERT_TRUE(client.send("question"));
    ASSERT_TRUE(eventually([&] { return held.count() == 1; }));
  }
  EXPECT_TRUE(eventually([&] { return gone == held.first_pipe(); }));
  held.take()("to nobody");
  EXPECT_TRUE(eventually([&] { return server.busy() == 0; }));
}

TEST(ControlServer, IgnoresRepliesAfterItsEnd) {
  Scratch scratch;
  Held held;
  auto server = std::make_unique<ControlServer>(control_options(scratch.url("c")), held.handler());
  server->start();
  Client client(scratch.url("c"));
  ASSERT_TRUE(client.send("question"));
  const auto reply = held.take();
  server.reset();
  reply("too late");
  EXPECT_FALSE(client.receive());
}

TEST(ControlServer, SendsRepliesUnderWayDuringShutdown) {
  Scratch scratch;
  Held held;
  ControlServer server(control_options(scratch.url("c")),
                       [&](std::string request, Peer peer, ControlServer::Reply reply) {
                         if (request == "new")
                           return reply("answered at once, while requests are taken");
                         held.handler()(std::move(request), peer, std::move(reply));
                       });
  server.start();
  Client client(scratch.url("c"));
  ASSERT_TRUE(client.send("question"));
  Awaited answer(client.socket());
  const auto reply = held.take();
  std::thread shutdown([&] { server.shutdown(seconds(20)); });
  EXPECT_TRUE(eventually([&] { return !ask(scratch.url("c"), "new", 20); }));
  reply(std::string(100'000, 'x'));
  EXPECT_EQ(answer.get().value_or("").size(), 100'000u);
  shutdown.join();
}

TEST(ControlServer, ShutsDownInTimeWhenRepliesNeverCome) {
  Scratch scratch;
  Held held;
  ControlServer server(control_options(scratch.url("c")), held.handler());
  server.start();
  Client client(scratch.url("c"));
  ASSERT_TRUE(client.send("question"));
  const auto reply = held.take();
  const auto begin = std::chrono::steady_clock::now();
  server.shutdown(milliseconds(100));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(10));
}

TEST(ControlServer, TakesARequestOfTenMegabytes) {
  Scratch scratch;
  const auto size = [](const std::string& request, const Peer&, const ControlServer::Reply& reply) {
    reply(std::to_string(request.size()));
  };
  ControlServer server(control_options(scratch.url("c")), size);
  server.start();
  EXPECT_EQ(ask(scratch.url("c"), std::string(10'000'000, 'x')), "10000000");
}

TEST(ControlServer, DisconnectsWhoSendsMoreThanTheMost) {
  Scratch scratch;
  EchoServer server(scratch.url("c"));
  EXPECT_FALSE(ask(server.url(), std::string((16 << 20) + 1, 'x'), 500));
  EXPECT_TRUE(server.answers());
}

TEST(ControlServer, RefusesConnectionsAboveItsBound) {
  Scratch scratch;
  ControlOptions options = control_options(scratch.url("c"));
  options.pipes = 3;
  EchoServer server(options);
  {
    Client one(server.url()), two(server.url()), three(server.url());
    EXPECT_TRUE(one.ask("x") && two.ask("x") && three.ask("x"));
    RawPeer fourth(server.url());
    fourth.greet();
    EXPECT_TRUE(fourth.wait_for_end());
    EXPECT_TRUE(one.ask("x"));
  }
  EXPECT_TRUE(eventually([&] { return server.pipes() == 0; }));
  EXPECT_TRUE(server.answers());
}

// Its replies fill the connection, and then one context after the other.
void flood(RawPeer& peer, int requests) {
  peer.greet();
  peer.hurry();
  for (int i = 0; i < requests && peer.send_request("more"); ++i) continue;
}

void answer_big(const std::string& request, const Peer&, const ControlServer::Reply& reply) {
  reply(request == "more" ? std::string(256 << 10, 'x') : request);
}

// Our own engine has none that all clients share: what one does not read it holds alone.
bool has_contexts() {
  return engine_under_test() == Engine::nng;
}

ControlOptions few_contexts(const std::string& url) {
  ControlOptions options = control_options(url);
  options.contexts = 16;
  options.send_timeout = std::chrono::minutes(10);
  options.patience = milliseconds(50);
  return options;
}

TEST(ControlServer, IsNotCapturedByAClientThatNeverReads) {
  Scratch scratch;
  ControlServer server(few_contexts(scratch.url("c")), answer_big);
  server.start();
  RawPeer peer(scratch.url("c"));
  flood(peer, 64);  // four times the contexts there are
  EXPECT_EQ(ask(scratch.url("c"), "ping"), "ping");
  if (has_contexts())
    EXPECT_TRUE(eventually([&] { return server.busy() == 0 && server.pipes() == 0; }));
  else
    EXPECT_TRUE(eventually([&] { return server.busy() == 0; }));
}

// Its replies leave room; what other clients wait for takes the rest.
TEST(ControlServer, IsNotCapturedByUnreadRepliesAndHeldRequestsTogether) {
  if (!has_contexts()) GTEST_SKIP() << "this engine has no contexts that could run out";
  Scratch scratch;
  std::mutex mutex;
  std::vector<ControlServer::Reply> held;
  ControlServer server(few_contexts(scratch.url("c")), [&](const std::string& request, Peer peer,
                                                           const ControlServer::Reply& reply) {
    if (request != "hold") return answer_big(request, peer, reply);
    const std::lock_guard lock(mutex);
    held.push_back(reply);
  });
  server.start();
  RawPeer deaf(scratch.url("c")), patient(scratch.url("c"));
  flood(deaf, 15);  // nng takes the first reply itself
  ASSERT_TRUE(eventually([&] { return server.busy() == 14; }));
  patient.greet();
  for (int i = 0; i < 2; ++i) patient.send_request("hold");
  EXPECT_TRUE(eventually([&] { return server.pipes() == 1; }));
  EXPECT_EQ(ask(scratch.url("c"), "ping"), "ping");
}

// Both threads are at work for two who say much, when a third one says something.
TEST(ControlServer, HandlesWhoSaysLittleAmongThoseWhoSayMuch) {
  if (engine_under_test() == Engine::nng) GTEST_SKIP() << "nng takes one request of each at a time";
  constexpr std::size_t kMuch = 60;
  Scratch scratch;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::pair<std::uint32_t, std::string>> order;  // by whom
  bool go = false;
  ControlServer server(control_options(scratch.url("c")),
                       [&](std::string request, Peer peer, const ControlServer::Reply& reply) {
                         {
                           std::unique_lock lock(mutex);
                           order.emplace_back(peer.pipe, request);
                           changed.notify_all();
                           changed.wait(lock, [&] { return go; });
                         }
                         reply(std::move(request));
                       });
  server.start();
  std::string much;
  for (std::size_t i = 0; i < kMuch; ++i)
    much += on_the_wire(sp::Carrier::ipc, std::string("\x80\0\0\x01", 4) + "much");
  RawPeer a(scratch.url("c")), b(scratch.url("c")), c(scratch.url("c"));
  for (RawPeer* peer : {&a, &b, &c}) peer->greet();
  ASSERT_TRUE(eventually([&] { return server.pipes() == 3; }));
  ASSERT_TRUE(a.write(much) && b.write(much));
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, seconds(20), [&] { return order.size() == 2; }));
  }
  ASSERT_TRUE(c.send_request("little"));
  {
    const std::lock_guard lock(mutex);
    go = true;
  }
  changed.notify_all();
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return order.size() == 2 * kMuch + 1;
  }));
  // The first of the two began when nobody else was there.
  const std::uint32_t second = order[1].first;
  std::size_t before = 0;
  for (auto it = order.begin(); it->second != "little"; ++it) before += it->first == second;
  EXPECT_LT(before, kMuch / 2);
  for (RawPeer* peer : {&a, &b})
    for (std::size_t i = 0; i < kMuch; ++i)
      ASSERT_TRUE(peer->read_message(sp::Carrier::ipc)) << "reply " << i;
}

// One that has as many requests under way, and comes to its replies later.
TEST(ControlServer, KeepsAClientThatIsOnlyBusy) {
  Scratch scratch;
  ControlOptions options = few_contexts(scratch.url("c"));
  options.patience = std::chrono::minutes(10);
  ControlServer server(options, answer_big);
  server.start();
  RawPeer peer(scratch.url("c"));
  flood(peer, 64);
  if (has_contexts()) {
    ASSERT_TRUE(eventually([&] { return server.busy() == options.contexts; }));
  }
  constexpr std::size_t kReply = 9 + 4 + (256 << 10);  // ipc's header, the request's id, the text
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(peer.read_all(kReply)) << i;
  EXPECT_EQ(server.pipes(), 1u);
}

// Requests that come with one write are all under way before the first reply is seen to be left
// alone.
TEST(ControlServer, TellsOfAClientThatLeavesTooMuchUnread) {
  if (has_contexts()) GTEST_SKIP() << "nng does not tell what is unread";
  Scratch scratch;
  std::atomic<int> answered = 0, refused = 0;
  ControlServer server(
      control_options(scratch.url("c")),
      [&](const std::string& request, const Peer& peer, const ControlServer::Reply& reply) {
        try {
          if (request == "more") peer.must_read();
          ++answered;
          answer_big(request, peer, reply);
        } catch (const ApiError& e) {
          EXPECT_EQ(e.name(), "E_BUSY");
          ++refused;
          reply("busy");
        }
      });
  server.start();
  RawPeer peer(scratch.url("c"));
  peer.greet();
  std::string requests;
  for (int i = 0; i < 300; ++i)
    requests.append(sp::header(sp::Carrier::ipc, 8).view()).append("\x80\0\0\1more", 8);
  peer.write(requests);
  EXPECT_TRUE(eventually([&] { return answered + refused == 300; }));
  EXPECT_LE(answered, (16 << 20) / (256 << 10) + 2);
  EXPECT_EQ(ask(scratch.url("c"), "ping"), "ping");
}

TEST(ControlServer, DisconnectsAClientThatDoesNotReadInTime) {
  Scratch scratch;
  ControlOptions options = control_options(scratch.url("c"));
  options.send_timeout = milliseconds(200);
  ControlServer server(options, answer_big);
  server.start();
  RawPeer peer(scratch.url("c"));
  flood(peer, 4);
  EXPECT_TRUE(eventually([&] { return server.pipes() == 0 && server.busy() == 0; }));
  EXPECT_EQ(ask(scratch.url("c"), "ping"), "ping");
}

// In a user namespace or without privileges there is no other user to be.
TEST(ControlServer, RefusesAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can act as another user";
  Scratch scratch;
  EchoServer server(scratch.url("c"));
  ASSERT_EQ(chmod(scratch.path("").c_str(), 0711), 0);
  ASSERT_EQ(chmod(scratch.path("c").c_str(), 0666), 0);
  const std::string url = server.url();
  const pid_t child = fork();
  if (child == 0) {
    if (setuid(65534) != 0) _exit(2);
    RawPeer peer(url);
    _exit(peer.greet() && peer.send_request("ping") && !peer.wait_for_end() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(server.pipes(), 0u);
  EXPECT_TRUE(server.answers());
}

}  // namespace
}  // namespace domed::test
