#include "client/peer.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "client/client.h"
#include "client/fake_daemon.h"
#include "client/nng/wire.h"
#include "client/raw_server.h"
#include "client/tcp_peer.h"
#include "system/fd.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

constexpr uid_t kStranger = 65534;

// Acts as another user while it lives.
class As {
 public:
  explicit As(uid_t user) {
    if (seteuid(user) != 0) std::abort();
  }
  ~As() {
    if (seteuid(0) != 0) std::abort();
  }
};

// A listener that takes connections and says nothing; its user is who made it.
class MuteListener {
 public:
  explicit MuteListener(const std::string& path)
      : file_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (bind(file_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        chmod(path.c_str(), 0666) != 0 || listen(file_.get(), 8) != 0)
      std::abort();
  }
  Fd take() const { return Fd(accept4(file_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }

 private:
  Fd file_;
};

CallOptions patient(std::chrono::milliseconds deadline) {
  CallOptions options;
  options.deadline = options.reply_timeout = deadline;
  return options;
}

std::string answer_of(Client& client, const CallOptions& options) {
  try {
    return "result " + client.call("Health", {{"secret", "s3cret"}}, options).dump();
  } catch (const ApiError& e) {
    return e.name() + ": " + e.what();
  }
}

std::string answer_of(const std::string& url) {
  Client client(url);
  return answer_of(client, patient(30s));
}

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)
#define NEEDS_ROOT() \
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to act as another user"

TEST(Peer, SendsNothingIntoTheDirectoryOfAnotherUser) {
  NEEDS_ROOT();
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  ASSERT_EQ(chown(scratch.path().c_str(), kStranger, kStranger), 0);
  const std::string text = answer_of(daemon.control());
  EXPECT_SAYS(text, "E_UNTRUSTED: the directory of ipc://" + scratch.path());
  EXPECT_SAYS(text, "belongs to uid 65534 (nobody), this program runs as uid 0 (root): nothing");
  EXPECT_EQ(daemon.calls("Health"), 0);
}

TEST(Peer, SendsNothingToTheProcessOfAnotherUser) {
  NEEDS_ROOT();
  Scratch scratch;
  const std::string path = scratch.path() + "/control.ipc";
  ASSERT_EQ(chmod(scratch.path().c_str(), 0777), 0);
  std::optional<MuteListener> theirs;
  {
    const As stranger(kStranger);
    theirs.emplace(path);
  }
  std::string heard;
  std::jthread listening([&] {
    const Fd peer = theirs->take();
    const std::string hello("\0SP\0\0\x31\0\0", 8);  // as a REP socket greets
    send(peer.get(), hello.data(), hello.size(), MSG_NOSIGNAL);
    char bytes[256];
    for (ssize_t n; (n = recv(peer.get(), bytes, sizeof bytes, 0)) > 0;)
      heard.append(bytes, static_cast<std::size_t>(n));
  });
  EXPECT_SAYS(answer_of("ipc://" + path), "E_UNTRUSTED: the process that listens at ipc://" + path +
                                              " belongs to uid 65534 (nobody)");
  listening.join();
  EXPECT_EQ(heard, "") << "not even a greeting";
}

TEST(Peer, TalksToTheUserWhoIsNamed) {
  NEEDS_ROOT();
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  ASSERT_EQ(chown(scratch.path().c_str(), kStranger, kStranger), 0);
  for (const auto* name : {"nobody", "65534"}) {
    setenv("DOMED_ENDPOINT_USER", name, 1);
    EXPECT_EQ(answer_of(daemon.control()), R"(result {"version":"fake"})") << name;
  }
  setenv("DOMED_ENDPOINT_USER", "no-such-user-here", 1);
  EXPECT_THROW(Client client(daemon.control()), Error);
  unsetenv("DOMED_ENDPOINT_USER");
}

TEST(Peer, TalksToADaemonOfRoot) {
  NEEDS_ROOT();
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  for (const std::string& open : {scratch.path(), scratch.path() + "/control.ipc"})
    ASSERT_EQ(chmod(open.c_str(), 0777), 0);
  const As stranger(kStranger);
  EXPECT_EQ(answer_of(daemon.control()), R"(result {"version":"fake"})");
}

// A token is given away with the first request.
class TokenOverTcp : public testing::Test {
 protected:
  TokenOverTcp() { setenv("DOMED_TOKEN", "s3cret", 1); }
  ~TokenOverTcp() override { unsetenv("DOMED_TOKEN"); }

  // What a client says that finds the listener "url", whose connection "take" takes; and what came
  // by that after both had greeted.
  static std::pair<std::string, std::string> meet(const std::string& url, const Fd& listener,
                                                  const std::function<Fd(int)>& take) {
    std::string text, heard;
    std::jthread asking([&] { text = answer_of(url); });
    const Fd peer = take(listener.get());
    const std::string hello = sp::hello(sp::Role::rep);
    send(peer.get(), hello.data(), hello.size(), MSG_NOSIGNAL);
    char bytes[256];
    for (ssize_t n; (n = recv(peer.get(), bytes, sizeof bytes, 0)) > 0;)
      heard.append(bytes, static_cast<std::size_t>(n));
    asking.join();
    return {text, heard.substr(std::min(hello.size(), heard.size()))};
  }
  static Fd take(int listener) { return Fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)); }
};

TEST_F(TokenOverTcp, IsNotGivenToTheProcessOfAnotherUser) {
  NEEDS_ROOT();
  for (std::string url : {"tcp://127.0.0.1:0", "tcp://[::1]:0"}) {
    const Fd listener = raw_listener(url, 8);
    const auto [text, heard] = meet(url, listener, [](int socket) {
      const As stranger(kStranger);
      return take(socket);
    });
    EXPECT_SAYS(text, "E_UNTRUSTED: the process that listens at " + url + " belongs to uid 65534");
    EXPECT_EQ(heard, "");
  }
}

// What a client says to "request" that asks for a WebSocket.
std::string upgrade(const std::string& request) {
  const auto value = [&](const std::string& name) {
    const auto at = request.find(name + ": ") + name.size() + 2;
    return request.substr(at, request.find('\r', at) - at);
  };
  const std::string key = value("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[20], text[32];
  SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest);
  EVP_EncodeBlock(text, digest, sizeof digest);
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         std::string(reinterpret_cast<char*>(text)) +
         "\r\nSec-WebSocket-Protocol: " + value("Sec-WebSocket-Protocol") + "\r\n\r\n";
}

// Takes the next client as "user", and lets it up to a WebSocket.
Fd take_web(int listener, uid_t user) {
  Fd peer;
  {
    const As it(user);
    peer = Fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  }
  std::string request;
  char bytes[4096];
  for (ssize_t n; request.find("\r\n\r\n") == std::string::npos &&
                  (n = recv(peer.get(), bytes, sizeof bytes, 0)) > 0;)
    request.append(bytes, static_cast<std::size_t>(n));
  const std::string answer = upgrade(request);
  send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  return peer;
}

bool comes(int listener, std::chrono::milliseconds within) {
  pollfd wait{listener, POLLIN, 0};
  return poll(&wait, 1, static_cast<int>(within.count())) == 1;
}

// A daemon may be about to start at the other URL: that one is looked at often.
TEST_F(TokenOverTcp, IsNotWhatAStrangersWebSocketIsDialledForAgainAndAgain) {
  NEEDS_ROOT();
  std::string at = "tcp://127.0.0.1:0";
  const Fd listener = raw_listener(at, 8);
  int dials = 0;
  std::jthread taking([&](const std::stop_token& stop) {
    while (!stop.stop_requested())
      if (comes(listener.get(), 20ms)) {
        take_web(listener.get(), kStranger);
        ++dials;
      }
  });
  Client client("tcp://127.0.0.1:1,ws" + at.substr(3) + "/x", {.unseen = 700ms});
  EXPECT_SAYS(answer_of(client, patient(30s)), "E_UNTRUSTED: ");
  taking.request_stop();
  taking.join();
  EXPECT_GE(dials, 1);
  EXPECT_LE(dials, 6);
}

// nng's dialer would go on, for a wire that is over and that nobody may be looking at.
TEST(NngWire, IsNotDialledAgainOnceItIsLost) {
  NEEDS_ROOT();
  std::string at = "tcp://127.0.0.1:0";
  const Fd listener = raw_listener(at, 8);
  const Peers peers;
  NngWire wire("ws" + at.substr(3) + "/x", sp::Role::req, peers, {});
  take_web(listener.get(), 0).reset();
  EXPECT_FALSE(comes(listener.get(), 1s));
}

// Its first URL may be one where nobody is.
TEST_F(TokenOverTcp, IsNotGivenToTheWebSocketOfAnotherUser) {
  NEEDS_ROOT();
  for (const std::string before : {"", "tcp://127.0.0.1:1,"}) {
    std::string at = "tcp://127.0.0.1:0", text, heard;
    const Fd listener = raw_listener(at, 8);
    const std::string url = "ws" + at.substr(3) + "/x";
    std::jthread asking([&] { text = answer_of(before + url); });
    const Fd peer = take_web(listener.get(), kStranger);
    char bytes[4096];
    for (ssize_t n; (n = recv(peer.get(), bytes, sizeof bytes, 0)) > 0;)
      heard.append(bytes, static_cast<std::size_t>(n));
    asking.join();
    EXPECT_SAYS(text, "E_UNTRUSTED: the process that listens at " + url + " belongs to uid 65534");
    EXPECT_LT(heard.size(), 16u) << "but for the frame that ends it";
  }
}

TEST_F(TokenOverTcp, IsGivenToOnesOwnProcess) {
  for (const auto* url : {"tcp://127.0.0.1:0", "tcp://[::1]:0"}) {
    std::string asked;
    RawServer server(url, [&asked](RawPeer& peer) {
      peer.greet();
      if (!peer.hear_greeting()) return;
      while (const auto request = peer.next()) {
        asked = request->body;
        peer.answer(*request, R"({"jsonrpc":"2.0","id":1,"result":{}})");
      }
    });
    answer_of(server.url());
    EXPECT_SAYS(asked, R"("token":"s3cret")");
  }
}

TEST_F(TokenOverTcp, IsNotSentInClearByWebSockets) {
  for (const auto* url : {"ws://192.0.2.1:80/x", "ws://host.example:80/x",
                          "ws://[2001:db8::1]:80/x", "ws://127.0.0.1.example:80/x",
                          "wss://host.example:80/x", "tcp://127.0.0.1:1,ws://192.0.2.1:80/x"})
    EXPECT_THROW(Client client(url), Error) << url;
  for (const auto* url : {"ws://127.0.0.1:1/x", "ws://localhost:1/x", "ws://[::1]:1/x"})
    EXPECT_NO_THROW(Client client(url)) << url;
}

TEST_F(TokenOverTcp, IsNotSentInClearOverANetwork) {
  ifaddrs* all = nullptr;
  ASSERT_EQ(getifaddrs(&all), 0);
  std::string url;
  for (const ifaddrs* one = all; one && url.empty(); one = one->ifa_next) {
    if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET) continue;
    const auto& address = reinterpret_cast<const sockaddr_in&>(*one->ifa_addr).sin_addr;
    if (ntohl(address.s_addr) >> 24 == 127) continue;
    char text[INET_ADDRSTRLEN];
    url = "tcp://" + std::string(inet_ntop(AF_INET, &address, text, sizeof text)) + ":0";
  }
  freeifaddrs(all);
  if (url.empty()) GTEST_SKIP() << "needs an address beside those of loopback";
  const Fd listener = raw_listener(url, 8);
  const auto [text, heard] = meet(url, listener, take);
  EXPECT_SAYS(text, "E_UNTRUSTED: " + url + " would carry the token in clear over a network");
  EXPECT_EQ(heard, "");
}

TEST(Peer, TellsPermissionFromAMissingSocket) {
  NEEDS_ROOT();
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  const As stranger(kStranger);
  EXPECT_SAYS(answer_of(daemon.control()), "(permission denied: the directory " + scratch.path() +
                                               " of uid 0 (root) lets this "
                                               "user, uid 65534 (nobody), not in)");
  {
    const As root(0);
    ASSERT_EQ(chmod(scratch.path().c_str(), 0755), 0);
    ASSERT_EQ(chmod((scratch.path() + "/control.ipc").c_str(), 0600), 0);
    ASSERT_EQ(seteuid(kStranger), 0);
    EXPECT_SAYS(answer_of(daemon.control()), "(permission denied: the socket of uid 0 (root)");
  }
}

TEST(Peer, TellsEachCauseOfAFailedDial) {
  Scratch scratch;
  const std::string at = "ipc://" + scratch.path();
  EXPECT_SAYS(answer_of(at + "/none.ipc"), "(no such socket)");
  EXPECT_SAYS(answer_of(at + "/gone/x/none.ipc"),
              "(no such socket: there is no directory " + scratch.path() + "/gone)");
  { MuteListener over(scratch.path() + "/stale.ipc"); }
  EXPECT_SAYS(answer_of(at + "/stale.ipc"), "(Connection refused: nobody listens");
  EXPECT_SAYS(answer_of(at + "/" + std::string(120, 'x')), "a socket's may have 107)");
  EXPECT_SAYS(answer_of("ipc://relative.ipc"), "(it is no absolute path");
  EXPECT_SAYS(answer_of("tcp://127.0.0.1:1"), "(Connection refused)");
}

// As one that was stopped.
TEST(Peer, GivesUpOnAMuteDaemonWithinItsCallersTime) {
  Scratch scratch;
  const MuteListener mute(scratch.path() + "/control.ipc");
  Client client("ipc://" + scratch.path() + "/control.ipc");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_SAYS(answer_of(client, patient(200ms)), "although it accepts connections");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s) << "nng itself waits for 10 s";
}

TEST(Peer, StopsDialingWhenTold) {
  Scratch scratch;
  const MuteListener mute(scratch.path() + "/control.ipc");
  Client client("ipc://" + scratch.path() + "/control.ipc");
  std::stop_source stop;
  auto options = patient(600s);
  options.stop = stop.get_token();
  Fd taken;
  std::jthread user([&] {
    taken = mute.take();
    stop.request_stop();
  });
  EXPECT_EQ(answer_of(client, options), "E_STOPPED: the call was stopped by its caller");
}

TEST(Peer, WaitsForADialThatIsUnderWay) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Client client(daemon.control());
  std::vector<std::jthread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      if (answer_of(client, patient(30s)) == R"(result {"version":"fake"})") ++right;
    });
  threads.clear();
  EXPECT_EQ(right, 8);
}

}  // namespace
}  // namespace domed
