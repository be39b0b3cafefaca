// Over TLS: whom the client trusts, what it says of whom it does not, and what it tells of itself.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>

#include "client/client.h"
#include "client/fake_daemon.h"
#include "client/raw_server.h"
#include "client/subscription.h"
#include "support/tls_world.h"
#include "transport/control_server.h"
#include "transport/event_sockets.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
using test::Shown;
using test::tls_world;

constexpr const char* kFine = R"({"jsonrpc":"2.0","id":1,"result":{"fine":true}})";

#define EXPECT_TELLS(text, part) \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

// A variable of the environment while it lives.
class Set {
 public:
  Set(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~Set() { unsetenv(name_); }
  Set(const Set&) = delete;
  Set& operator=(const Set&) = delete;

 private:
  const char* const name_;
};

// A control socket that answers everything with kFine, and what it was asked last.
class Answering {
 public:
  explicit Answering(const std::string& url, const tls::ServerFiles& files = tls_world().files())
      : server_(options(url, files), [this](std::string request, const Peer&, const Reply& reply) {
          {
            const std::lock_guard lock(mutex_);
            asked_ = std::move(request);
          }
          reply(kFine);
        }) {
    server_.start();
  }
  // With the name that its certificate has.
  std::string url(const std::string& host = "localhost") const {
    const std::string url = server_.urls()[0];
    return url.starts_with("tls") ? "tls+tcp://" + host + url.substr(url.rfind(':')) : url;
  }
  std::string asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  static ControlOptions options(const std::string& url, const tls::ServerFiles& files) {
    ControlOptions made;
    Place place(url);
    if (url.starts_with("tls")) place.tls = std::make_shared<tls::ServerContext>(files);
    made.urls = {place};
    return made;
  }
  mutable std::mutex mutex_;
  std::string asked_;
  ControlServer server_;
};

std::string outcome_of(const std::string& url, const Json& params = Json::object()) {
  CallOptions options;
  options.repeat = false;
  try {
    Client client(url);
    return client.call("Health", params, options).dump();
  } catch (const ApiError& e) {
    return e.name() + ": " + e.what();
  } catch (const Error& e) {
    return std::string("Error: ") + e.what();
  }
}

class ClientTls : public testing::Test {
 protected:
  static std::array<Set, 3> shows(const Shown& shown) {
    return {Set("DOMED_CA", tls_world().authority.file()), Set("DOMED_CERT", shown.cert),
            Set("DOMED_KEY", shown.key)};
  }
  const test::TlsWorld& world_ = tls_world();
  const std::string at_ = "tls+tcp://127.0.0.1:0";
};

TEST_F(ClientTls, ADaemonOfOurAuthorityIsAsked) {
  const auto set = shows(world_.client);
  const Answering daemon(at_);
  const std::string by_family =
      "tls+tcp4" + daemon.url("127.0.0.1").substr(std::string("tls+tcp").size());
  for (const std::string& url : {daemon.url(), daemon.url("127.0.0.1"), by_family})
    EXPECT_EQ(outcome_of(url), R"({"fine":true})") << url;
  EXPECT_EQ(outcome_of(daemon.url(), {{"large", std::string(900'000, 'x')}}), R"({"fine":true})");
}

TEST_F(ClientTls, OneWithoutATrustedCertificateIsSentNothing) {
  const auto set = shows(world_.client);
  tls::ServerFiles files = world_.files();
  const auto said = [&](const Shown& shown) {
    files.cert = shown.cert;
    files.key = shown.key;
    const Answering daemon(at_, files);
    const std::string text = outcome_of(daemon.url());
    EXPECT_TELLS(text, "E_UNTRUSTED: there is no talking with " + daemon.url() + ": ");
    EXPECT_TELLS(text, "nothing was sent");
    EXPECT_EQ(daemon.asked(), "");
    return text;
  };
  EXPECT_TELLS(said(world_.other.issue_for_server()),
               "name the file of that with --ca or DOMED_CA");
  EXPECT_TELLS(said(world_.authority.issue_for_server("DNS:other.example")),
               "is for 'other.example', not for 'localhost'");
  EXPECT_TELLS(said(world_.authority.issue({"s", "DNS:localhost", "serverAuth", -9, -1})),
               "has expired");
  EXPECT_TELLS(said(world_.authority.issue({"s", "DNS:localhost", "clientAuth"})),
               "is not for servers");
}

TEST_F(ClientTls, WithoutAFileTheSystemsAuthoritiesCount) {
  const Answering daemon(at_);
  EXPECT_TELLS(outcome_of(daemon.url()), "not in this system's store");
}

TEST_F(ClientTls, ADaemonThatRefusesUsSaysWhy) {
  test::Authority authority(world_.directory, "of-clients");
  tls::ServerFiles files = world_.files();
  files.client_ca = authority.file();
  const Shown revoked = authority.issue({"mallory"});
  authority.revoke(revoked);
  files.crl = authority.write_list();
  const Answering daemon(at_, files);
  const auto said = [&](const Shown& shown) {
    const auto set = shows(shown);
    return outcome_of(daemon.url());
  };
  EXPECT_EQ(said(authority.issue({"ci"})), R"({"fine":true})");
  EXPECT_EQ(said(revoked), "E_UNTRUSTED: there is no talking with " + daemon.url() +
                               ": it refuses our certificate (certificate revoked): " +
                               revoked.cert + " is ours; the daemon's log says more");
  EXPECT_TELLS(said(authority.issue({"ci", "", "clientAuth", -9, -1})), "(certificate expired)");
  EXPECT_TELLS(said(world_.other.issue({"ci"})), "(unknown CA)");
  EXPECT_TELLS(said({"", ""}),
               "it asks for a certificate, and we have none: name a certificate "
               "with --cert and --key, or DOMED_CERT and DOMED_KEY");
}

TEST_F(ClientTls, WhatSpeaksNoTlsIsToldAsThat) {
  const auto set = shows(world_.client);
  RawServer server("tcp://127.0.0.1:0", [](RawPeer& peer) {
    peer.greet();
    peer.wait();
  });
  EXPECT_TELLS(outcome_of("tls+" + server.url()), "it speaks SP, and no TLS: it means tcp://");
  const Answering daemon(at_);
  EXPECT_TELLS(outcome_of(daemon.url("127.0.0.1").substr(4)), "E_UNREACHABLE");
}

TEST_F(ClientTls, FilesThatCannotBeUsedAreNamed) {
  const Answering daemon(at_);
  const Set set("DOMED_CA", "/none/ca.pem");
  EXPECT_EQ(outcome_of(daemon.url()),
            "E_UNTRUSTED: " + daemon.url() +
                " cannot be asked: cannot read /none/ca.pem: No such "
                "file or directory: name a file that is there and that this user may read");
}

TEST_F(ClientTls, OfSeveralDaemonsOneThatIsTrustedIsAsked) {
  const auto set = shows(world_.client);
  tls::ServerFiles files = world_.files();
  const Shown bad = world_.other.issue_for_server();
  files.cert = bad.cert;
  files.key = bad.key;
  const Answering first(at_, files), second(at_);
  EXPECT_EQ(outcome_of(first.url() + "," + second.url()), R"({"fine":true})");
  EXPECT_EQ(first.asked(), "");
}

TEST_F(ClientTls, FramesComeOverItToo) {
  const auto set = shows(world_.client);
  EventOptions options;
  options.urls = {at_};
  options.urls[0].tls = std::make_shared<tls::ServerContext>(world_.files());
  EventSockets events(options);
  events.start();
  const std::string url = events.urls()[0];
  Subscription frames("tls+tcp://localhost" + url.substr(url.rfind(':')), {"job/1\n"});
  frames.await_connection(60s);
  while (events.pipes() == 0) std::this_thread::yield();  // it heard our greeting, too
  const std::string body(300'000, 'x');
  for (int i = 0; i < 50; ++i)
    events.send(0, std::make_shared<const std::string>("job/1\n" + std::to_string(i) + body));
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(frames.next(std::chrono::steady_clock::now() + 60s, {}),
              "job/1\n" + std::to_string(i) + body);
}

// From many threads over one connection, and in the other direction as much.
TEST_F(ClientTls, CallsOfManyThreadsDoNotMix) {
  const auto set = shows(world_.client);
  ControlOptions options;
  options.urls = {at_};
  options.urls[0].tls = std::make_shared<tls::ServerContext>(world_.files());
  ControlServer server(
      options, [](std::string request, const Peer&, const ControlServer::Reply& to) {
        const Json asked = Json::parse(request);
        to(Json{{"jsonrpc", "2.0"}, {"id", asked["id"]}, {"result", asked["params"]}}.dump());
      });
  server.start();
  const std::string url = server.urls()[0];
  Client client("tls+tcp://localhost" + url.substr(url.rfind(':')));
  std::atomic<int> right = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const Json params{{"from", t}, {"n", i}, {"text", std::string(i * 5000 % 150'000, 'x')}};
        if (client.call("Echo", params) == params) ++right;
      }
    });
  threads.clear();
  EXPECT_EQ(right, 8 * 20);
}

class Token : public ClientTls {
 protected:
  std::string file(const std::string& text, mode_t mode = 0600) const {
    const std::string path = scratch_.path() + "/token";
    std::ofstream(path) << text;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  const Scratch scratch_;
};

TEST_F(Token, IsShownOverNetworksAlone) {
  const auto certificate = shows(world_.client);
  const Set set("DOMED_TOKEN_FILE", file("s3cret\"\n"));
  for (const std::string& at :
       {at_, std::string("tcp://127.0.0.1:0"), std::string("ws://127.0.0.1:0/")}) {
    const Answering daemon(at);
    EXPECT_EQ(outcome_of(daemon.url()), R"({"fine":true})");
    const Json asked = Json::parse(daemon.asked());
    EXPECT_EQ(asked["token"], "s3cret\"") << at;
    EXPECT_EQ(asked["method"], "Health") << at;
  }
  const Answering daemon("ipc://" + scratch_.path() + "/c");
  EXPECT_EQ(outcome_of(daemon.url()), R"({"fine":true})");
  EXPECT_FALSE(Json::parse(daemon.asked()).contains("token"));
}

// The same request, sent again to another door.
TEST_F(Token, IsUpToTheUrlThatARequestGoesTo) {
  const Set set("DOMED_TOKEN", "s3cret");
  const std::string socket = "ipc://" + scratch_.path() + "/c";
  const Answering network("tcp://127.0.0.1:0");
  Client client(socket + "," + network.url());
  EXPECT_EQ(client.call("Health", {})["fine"], true);
  EXPECT_EQ(Json::parse(network.asked())["token"], "s3cret");
  std::atomic<bool> dead = false;
  RawServer dying("tcp://127.0.0.1:0", [&](RawPeer& peer) {
    if (dead.exchange(true)) return;
    peer.greet();
    peer.next();  // and leaves without a word
  });
  const Answering local(socket);
  Client other(dying.url() + "," + socket);
  EXPECT_EQ(other.call("Health", {})["fine"], true);
  EXPECT_FALSE(Json::parse(local.asked()).contains("token"));
}

TEST_F(Token, InAFileThatOthersReadIsNoSecret) {
  const Set set("DOMED_TOKEN_FILE", file("s3cret", 0644));
  EXPECT_TELLS(outcome_of("tcp://127.0.0.1:1"), "holds a secret and is open to others (mode 0644)");
  const Answering daemon("ipc://" + scratch_.path() + "/c");
  EXPECT_EQ(outcome_of(daemon.url()), R"({"fine":true})") << "where none is needed none is read";
}

TEST_F(Token, IsOneWord) {
  for (const char* odd : {"", "\n", "two words", " x", "x\n\n", "caf\xc3\xa9"}) {
    const Set set("DOMED_TOKEN_FILE", file(odd));
    EXPECT_TELLS(outcome_of("tcp://127.0.0.1:1"), "holds no token: write it as one word") << odd;
  }
}

}  // namespace
}  // namespace domed
