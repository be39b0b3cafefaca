// Servers that break the protocol, and those that are stuck.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <csignal>
#include <thread>

#include "client/client.h"
#include "client/fake_daemon.h"
#include "client/raw_server.h"
#include "client/subscription.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr const char* kReply = R"({"jsonrpc":"2.0","id":1,"result":{"fine":true}})";

std::string reply_of(const std::string& url, std::chrono::milliseconds deadline = 60s,
                     bool repeat = false) {
  Client client(url);
  CallOptions options;
  options.deadline = options.reply_timeout = deadline;
  options.repeat = repeat;
  try {
    return client.call("Health", Json::object(), options).dump();
  } catch (const ApiError& e) {
    return e.name() + ": " + e.what();
  }
}

class Hostile : public testing::Test {
 protected:
  // What a call says to a server like that.
  std::string said(const RawServer::Serve& serve) {
    RawServer server("ipc://" + scratch_.path() + "/h.ipc", serve);
    return reply_of(server.url());
  }
  // The same once both have greeted.
  std::string answered(std::function<void(RawPeer&, const RawPeer::Request&)> how) {
    return said([how](RawPeer& peer) {
      peer.greet();
      if (const auto request = peer.next()) how(peer, *request);
    });
  }
  Scratch scratch_;
};

#define EXPECT_TELLS(text, part) \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

TEST_F(Hostile, GarbageIsNoGreeting) {
  for (const std::string& garbage : std::vector<std::string>{
           std::string("HTTP/1.1 200 OK\r\n\r\n"), std::string(64, '\0'), std::string("\0SP\1", 4)})
    EXPECT_TELLS(said([&](RawPeer& peer) {
                   peer.send(garbage);
                   peer.wait();
                 }),
                 "what answers there is no control socket of domed");
}

TEST_F(Hostile, AnotherRoleIsNoDaemon) {
  for (const auto role : {sp::Role::pub, sp::Role::sub, sp::Role::req})
    EXPECT_TELLS(said([&](RawPeer& peer) {
                   peer.greet(role);
                   peer.wait();
                 }),
                 "another socket");
}

TEST_F(Hostile, OneThatClosesBeforeItGreetsMayHaveRoomLater) {
  std::atomic<int> taken = 0;
  RawServer server("ipc://" + scratch_.path() + "/h.ipc", [&](RawPeer& peer) {
    if (++taken < 4) return;
    peer.greet();
    if (const auto request = peer.next()) peer.answer(*request, kReply);
    peer.wait();
  });
  EXPECT_EQ(reply_of(server.url(), 60s, true), R"({"fine":true})");
}

TEST_F(Hostile, AHugeMessageEndsItsConnection) {
  for (const std::uint64_t size : {std::uint64_t{17} << 20, ~std::uint64_t{0}})
    EXPECT_TELLS(answered([&](RawPeer& peer, const RawPeer::Request&) {
                   peer.send(sp::header(sp::Carrier::ipc, size).view());
                   peer.wait();
                 }),
                 "E_UNREACHABLE: lost the connection to ipc://");
}

TEST_F(Hostile, WhatIsNoMessageEndsItsConnection) {
  EXPECT_TELLS(answered([](RawPeer& peer, const RawPeer::Request&) {
                 peer.send("no message");
                 peer.wait();
               }),
               "lost the connection");
}

TEST_F(Hostile, AReplyWithoutAnIdEndsItsConnection) {
  for (const char* reply : {"", "\x80", "\x80\1\1"})
    EXPECT_TELLS(answered([&](RawPeer& peer, const RawPeer::Request&) {
                   peer.say(reply);
                   peer.wait();
                 }),
                 "lost the connection");
}

TEST_F(Hostile, RepliesThatNobodyAskedForAreDropped) {
  EXPECT_EQ(answered([](RawPeer& peer, const RawPeer::Request& request) {
              for (int i = 0; i < 5000; ++i) {
                std::string word = request.word;
                word[static_cast<std::size_t>(i) % 4] ^= static_cast<char>(1 + i % 127);
                peer.say(word + "forged");
              }
              peer.answer(request, kReply);
              peer.answer(request, "twice");
              peer.wait();
            }),
            R"({"fine":true})");
}

TEST_F(Hostile, OneThatHangsUpMidwayIsLost) {
  EXPECT_TELLS(answered([](RawPeer& peer, const RawPeer::Request& request) {
                 peer.send(sp::header(sp::Carrier::ipc, 100).view());
                 peer.send(request.word + "half of it");
               }),
               "lost the connection");
}

TEST_F(Hostile, BytesMayTrickle) {
  EXPECT_EQ(said([](RawPeer& peer) {
              for (const char c : sp::hello(sp::Role::rep)) {
                peer.send({&c, 1});
                std::this_thread::yield();
              }
              const auto request = peer.next();
              if (!request) return;
              const std::string message = request->word + kReply;
              for (const char c :
                   std::string(sp::header(sp::Carrier::ipc, message.size()).view()) + message) {
                peer.send({&c, 1});
                std::this_thread::yield();
              }
              peer.wait();
            }),
            R"({"fine":true})");
}

TEST_F(Hostile, OneThatNeverGreetsIsGivenUpInTime) {
  const auto begin = Clock::now();
  RawServer server("ipc://" + scratch_.path() + "/h.ipc", [](RawPeer& peer) { peer.wait(); });
  EXPECT_TELLS(reply_of(server.url(), 100ms), "although it accepts connections");
  EXPECT_LT(Clock::now() - begin, 30s);
}

// As that of a stopped daemon, after a while.
TEST_F(Hostile, AFullBacklogIsGivenUpInTime) {
  std::string url = "ipc://" + scratch_.path() + "/h.ipc";
  const Fd listener = raw_listener(url, 0);
  std::vector<Fd> waiting;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  url.substr(6).copy(address.sun_path, sizeof address.sun_path - 1);
  do waiting.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  while (connect(waiting.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const auto begin = Clock::now();
  EXPECT_TELLS(reply_of(url, 200ms, true), "too many connections wait to be taken there");
  EXPECT_LT(Clock::now() - begin, 30s);
}

// As a host that is away: the system answers no SYN of ours.
TEST_F(Hostile, AHostThatSwallowsConnectionsIsGivenUpInTime) {
  std::string url = "tcp://127.0.0.1:0";
  const Fd listener = raw_listener(url, 0);
  std::vector<std::unique_ptr<Subscription>> waiting;
  for (int i = 0; i < 4; ++i)
    waiting.push_back(std::make_unique<Subscription>(url, std::vector<std::string>{"x"}));
  const auto begin = Clock::now();
  EXPECT_TELLS(reply_of(url, 300ms), "E_UNREACHABLE");
  std::stop_source stop;
  Channel channel({url});
  std::jthread user([&] { stop.request_stop(); });
  EXPECT_EQ(channel.dial(600s, stop.get_token()), ECANCELED);
  EXPECT_LT(Clock::now() - begin, 30s);
}

TEST_F(Hostile, AStoppedDaemonIsGivenUpInTime) {
  const std::string url = "ipc://" + scratch_.path() + "/h.ipc";
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    std::string place = url;
    const Fd listener = raw_listener(place, 8);
    if (write(ready[1], "x", 1) != 1) _exit(1);
    for (;;) pause();
  }
  char byte;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  ASSERT_EQ(kill(child, SIGSTOP), 0);
  const auto begin = Clock::now();
  EXPECT_TELLS(reply_of(url, 200ms, true), "although it accepts connections");
  EXPECT_LT(Clock::now() - begin, 30s);
  kill(child, SIGKILL);
}

// Where one of a list is stuck the next is tried, whatever it is stuck in.
class FailOver : public Hostile {
 protected:
  std::string place(const std::string& name) const { return "ipc://" + scratch_.path() + name; }
  static RawServer::Serve answering(const std::string& name) {
    return [name](RawPeer& peer) {
      peer.greet();
      while (const auto request = peer.next())
        peer.answer(*request, R"({"jsonrpc":"2.0","id":1,"result":{"at":")" + name + "\"}}");
    };
  }
};

TEST_F(FailOver, TheFirstThatAnswersIsTaken) {
  RawServer silent(place("/a"), [](RawPeer& peer) { peer.wait(); });
  RawServer foreign(place("/b"), [](RawPeer& peer) {
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    peer.wait();
  });
  RawServer good(place("/c"), answering("c"));
  EXPECT_EQ(reply_of(place("/none") + "," + silent.url() + "," + foreign.url() + "," + good.url()),
            R"({"at":"c"})");
}

TEST_F(FailOver, OneIsKeptUntilItFails) {
  std::optional<RawServer> a(std::in_place, place("/a"), answering("a"));
  RawServer b(place("/b"), answering("b"));
  Client client(place("/a") + "," + place("/b"));
  EXPECT_EQ(client.call("Health", {})["at"], "a");
  EXPECT_EQ(client.endpoint(), place("/a"));
  a.reset();
  EXPECT_EQ(client.call("Health", {})["at"], "b");
  a.emplace(place("/a"), answering("a"));
  EXPECT_EQ(client.call("Health", {})["at"], "b");
  EXPECT_EQ(client.endpoint(), place("/b"));
}

TEST_F(FailOver, OneThatFallsSilentIsLeft) {
  RawServer a(place("/a"), [](RawPeer& peer) {
    peer.greet();
    while (peer.next()) {
    }
  });
  RawServer b(place("/b"), answering("b"));
  Client client(place("/a") + "," + place("/b"));
  CallOptions options;
  options.reply_timeout = 50ms;
  options.deadline = 60s;
  EXPECT_EQ(client.call("Health", {}, options)["at"], "b");
}

TEST_F(FailOver, EachThatFailedIsNamed) {
  const std::string text = reply_of(place("/a") + "," + place("/x/b"));
  EXPECT_TELLS(text, "no daemon answers at " + place("/a") + " (no such socket), nor at " +
                         place("/x/b") + " (no such socket: there is no directory");
}

TEST_F(FailOver, ATroubleNamesWhoHasIt) {
  std::atomic<int> asked = 0;
  RawServer a(place("/a"), [&](RawPeer& peer) {
    peer.greet();
    while (const auto request = peer.next())
      peer.answer(*request, ++asked < 7 ? R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,)"
                                          R"("message":"no room","data":{"error":"E_STORE",)"
                                          R"("retryable":true}}})"
                                        : kReply);
  });
  std::vector<std::string> told;
  Client client(a.url() + "," + place("/none"), {}, [&](const ApiError* error) {
    if (error) told.push_back(error->what());
  });
  client.call("Health", {});
  EXPECT_EQ(told, std::vector<std::string>{a.url() + ": no room"});
}

}  // namespace
}  // namespace domed
