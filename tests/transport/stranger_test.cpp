// Peers that greet as others do, and show nobody who has a role: where requests say by a token who
// sends them, all are such at first.
#include <mutex>

#include "support.h"

namespace domed::test {
namespace {

constexpr std::size_t kPlaces = 20;
constexpr const char* kToken = "s3cret";
const std::string kTellToken = std::string("token ") + kToken;

// A client's connection over plain tcp from an address of this machine of our choice.
class FromAddress {
 public:
  FromAddress(const std::string& url, std::uint32_t last)
      : file_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in own = address(INADDR_LOOPBACK + last, 0);
    sockaddr_in its = address(INADDR_LOOPBACK, std::stoi(url.substr(url.rfind(':') + 1)));
    const std::string hello("\0SP\0\0\x30\0\0", 8);
    good_ = bind(file_, reinterpret_cast<sockaddr*>(&own), sizeof own) == 0 &&
            connect(file_, reinterpret_cast<sockaddr*>(&its), sizeof its) == 0 &&
            send(file_, hello.data(), hello.size(), MSG_NOSIGNAL) == 8;
  }
  FromAddress(FromAddress&& other) noexcept
      : file_(std::exchange(other.file_, -1)), good_(other.good_) {}
  FromAddress(const FromAddress&) = delete;
  ~FromAddress() {
    if (file_ >= 0) close(file_);
  }
  // The server's hello came, or it ended the connection.
  void await_answer() const {
    char hello[8];
    static_cast<void>(recv(file_, hello, sizeof hello, MSG_WAITALL));
  }
  bool is_good() const { return good_; }

 private:
  static sockaddr_in address(std::uint32_t host, int port) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_addr.s_addr = htonl(host);
    made.sin_port = htons(static_cast<std::uint16_t>(port));
    return made;
  }

  int file_;
  bool good_ = false;
};

// At a listener that takes a token or, over TLS, a certificate; the other one, over ipc, is the
// user's of this process.
class Strangers : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (engine_under_test() == Engine::nng) GTEST_SKIP() << "nng bounds nobody by what it shows";
  }

  ControlOptions options() const {
    ControlOptions made = control_options(GetParam());
    Place& place = made.urls[0];
    if (is_tls(place.url)) {
      tls::ServerFiles files = tls_world().files();
      files.certificate_required = false;
      place.tls = std::make_shared<tls::ServerContext>(files);
    }
    place.access = access_;
    made.urls.push_back(place_at(scratch_.url("c")));
    made.pipes = kPlaces;
    return made;
  }
  // Answers with the role of whoever asks.
  static void answer(const std::string& request, const Peer& peer,
                     const ControlServer::Reply& reply) {
    std::optional<std::string> token;
    if (starts(request, "token ")) token = request.substr(6, std::string(kToken).size());
    reply(std::string(role_name(peer.caller->who(token)->role)));
  }
  void serve(ControlOptions options) {
    server_.emplace(std::move(options), answer);
    server_->start();
  }
  // Those with TLS have an engine of their own, and come last.
  std::string url() const {
    const auto urls = server_->urls();
    return urls[is_tls(GetParam()) ? 1 : 0];
  }
  // One that comes without a certificate.
  RawPeer connect() const {
    const std::string at = url();
    return {at, is_tls(at) ? tls_world().connect({"", ""}) : nullptr};
  }
  std::string answer_to(RawPeer& peer, const std::string& request) const {
    if (!peer.send_request(request)) return "it is gone";
    const auto carrier = is_web(url()) ? sp::Carrier::web : sp::Carrier::stream;
    const auto reply = peer.read_message(carrier);
    return reply ? reply->substr(4) : "it is gone";
  }
  std::string answer_to_newcomer(const std::string& request) const {
    RawPeer peer = connect();
    return peer.greet() ? answer_to(peer, request) : "it was not let in";
  }

  Scratch scratch_;
  const std::shared_ptr<Access> access_ = std::make_shared<Access>(
      std::vector<Grant>{{Role::submitter, Grant::To::token, "ci"}}, "here",
      std::make_shared<const Tokens>(std::vector<Tokens::Token>{{"ci", sha256(kToken), {}}}));
  std::optional<ControlServer> server_;
};

TEST_P(Strangers, KeepNobodyOut) {
  serve(options());
  std::vector<RawPeer> strangers;
  for (std::size_t i = 0; i < 2 * kPlaces; ++i) {
    strangers.push_back(connect());
    EXPECT_TRUE(strangers.back().greet()) << i;
    ASSERT_TRUE(eventually([&] { return server_->pipes() == std::min(i + 1, kPlaces); }));
  }
  EXPECT_EQ(answer_to_newcomer(kTellToken), "submitter");
  EXPECT_EQ(ask(scratch_.url("c"), "who am I"), "operator");
}

// Neither for those of its own party nor for others, however long it has been there.
TEST_P(Strangers, GoBeforeWhoShowedARole) {
  serve(options());
  std::vector<RawPeer> known, others;
  for (int i = 0; i < 8; ++i) {
    known.push_back(connect());
    ASSERT_TRUE(known.back().greet());
    ASSERT_EQ(answer_to(known.back(), kTellToken), "submitter");
  }
  std::vector<RawPeer> strangers;
  for (std::size_t i = 0; i < 2 * kPlaces; ++i) {
    strangers.push_back(connect());
    EXPECT_TRUE(strangers.back().greet()) << i;
  }
  for (int i = 0; i < 4; ++i) {
    others.emplace_back(scratch_.url("c"));
    EXPECT_TRUE(others.back().greet());
  }
  for (RawPeer& peer : known) EXPECT_EQ(answer_to(peer, "who am I"), "none") << "it is there";
}

TEST_P(Strangers, GoWhenTheyShowNoRoleInTime) {
  ControlOptions hurried = options();
  hurried.hello = std::chrono::seconds(2);  // well above what a handshake and a request take
  serve(hurried);
  RawPeer known = connect(), user(scratch_.url("c")), silent = connect(), asking = connect(),
          guessing = connect();
  ASSERT_TRUE(known.greet());
  ASSERT_EQ(answer_to(known, kTellToken), "submitter");
  ASSERT_TRUE(user.greet() && silent.greet() && asking.greet() && guessing.greet());
  EXPECT_EQ(answer_to(asking, "who am I"), "none");
  EXPECT_EQ(answer_to(guessing, "token s3cre."), "none");
  for (RawPeer* peer : {&silent, &asking, &guessing}) EXPECT_TRUE(peer->wait_for_end());
  EXPECT_EQ(answer_to(known, "who am I"), "none") << "it is there";
  ASSERT_TRUE(user.send_request("who am I"));
  EXPECT_TRUE(user.read_message(sp::Carrier::ipc)) << "it has a role, and needs not ask";
}

TEST_P(Strangers, AreThoseAgainWhoseRoleIsTaken) {
  ControlOptions hurried = options();
  hurried.hello = std::chrono::seconds(2);
  serve(hurried);
  RawPeer known = connect();
  ASSERT_TRUE(known.greet());
  ASSERT_EQ(answer_to(known, kTellToken), "submitter");
  access_->replace({{Role::submitter, Grant::To::token, "another"}});
  server_->look_again_at_identities();
  EXPECT_EQ(answer_to(known, kTellToken), "none") << "it is told so";
  EXPECT_TRUE(known.wait_for_end());
}

// More than all of a party may leave unfinished, but for what a small request takes.
TEST_P(Strangers, TakeNoRoomFromTheRequestsOfOthers) {
  ControlOptions roomy = options();
  roomy.pipes = 200;
  serve(roomy);
  const std::string large = kTellToken + std::string(400'000, ' ');
  RawPeer known = connect();
  ASSERT_TRUE(known.greet());
  ASSERT_EQ(answer_to(known, kTellToken), "submitter");
  std::vector<RawPeer> strangers;
  for (int i = 0; i < 80; ++i) {
    strangers.push_back(connect());
    ASSERT_TRUE(strangers.back().greet());
    strangers.back().hurry();
    if (strangers.back().send_header(15 << 20))
      strangers.back().write(std::string(i < 63 ? 1'050'000 : 100'000, 'x'));
  }
  EXPECT_EQ(answer_to(known, large), "submitter");
  EXPECT_EQ(answer_to_newcomer(large), "submitter") << "the one that began first has to go";
  EXPECT_TRUE(strangers.front().wait_for_end());
}

// What waits for its answer is counted until it has it, also of those who have left.
TEST_P(Strangers, TakeNoRoomByWhatWaitsForAnAnswer) {
  std::mutex mutex;
  std::vector<ControlServer::Reply> held;
  const auto hold = [&](const std::string& request, const Peer& peer,
                        const ControlServer::Reply& reply) {
    if (!starts(request, "hold")) return answer(request, peer, reply);
    const std::lock_guard lock(mutex);
    held.push_back(reply);
  };
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return held.size();
  };
  ControlOptions roomy = options();
  roomy.pipes = 200;
  server_.emplace(roomy, hold);
  server_->start();
  const std::string request = "hold" + std::string(1'000'000, ' '),
                    large = kTellToken + std::string(1'200'000, ' ');
  RawPeer known = connect();
  ASSERT_TRUE(known.greet());
  ASSERT_EQ(answer_to(known, kTellToken), "submitter");
  {
    RawPeer one = connect();
    ASSERT_TRUE(one.greet());
    one.hurry();
    for (int i = 0; i < 30 && one.send_request(request); ++i) continue;
    EXPECT_LE(count(), 8u) << "it is not read on";
    // One after the other, for each is whole while it is within 16 MiB with those before; the first
    // bytes of each connection are not counted.  The last one is beyond.
    std::vector<RawPeer> others;
    for (std::size_t had = count(); had <= 17; ++had) {
      others.push_back(connect());
      ASSERT_TRUE(others.back().greet());
      others.back().send_request(request);
      ASSERT_TRUE(had == 17 || eventually([&] { return count() > had; }));
    }
    EXPECT_TRUE(one.wait_for_end()) << "it has taken longest";
    EXPECT_EQ(answer_to(known, large), "submitter");
  }
  ASSERT_TRUE(eventually([&] { return server_->pipes() == 1; }));
  EXPECT_NE(answer_to_newcomer(large), "submitter") << "there is no room";
  {
    const std::lock_guard lock(mutex);
    held.clear();
  }
  EXPECT_EQ(answer_to_newcomer(large), "submitter");
}

TEST_P(Strangers, MayBeginWithALargeRequest) {
  serve(options());
  EXPECT_EQ(answer_to_newcomer(kTellToken + std::string(15 << 20, ' ')), "submitter");
}

INSTANTIATE_TEST_SUITE_P(Carriers, Strangers,
                         testing::Values("tcp://127.0.0.1:0", "ws://127.0.0.1:0/x",
                                         "tls+tcp://127.0.0.1:0"),
                         [](const auto& of) {
                           return is_tls(of.param) ? "tls" : is_web(of.param) ? "ws" : "tcp";
                         });

// A machine has millions of its own.
class StrangersOfManyAddresses : public Strangers {};

TEST_P(StrangersOfManyAddresses, TakeNoPlaceOfWhoShowedARole) {
  serve(options());
  std::vector<RawPeer> known;
  for (int i = 0; i < 8; ++i) {
    known.push_back(connect());
    ASSERT_TRUE(known.back().greet());
    ASSERT_EQ(answer_to(known.back(), kTellToken), "submitter");
  }
  std::vector<FromAddress> strangers;
  for (std::uint32_t i = 0; i < 2 * kPlaces; ++i) {
    strangers.emplace_back(url(), 1 + i);
    ASSERT_TRUE(strangers.back().is_good());
    strangers.back().await_answer();
  }
  for (RawPeer& peer : known) EXPECT_EQ(answer_to(peer, "who am I"), "none") << "it is there";
  EXPECT_EQ(answer_to_newcomer(kTellToken), "submitter");
}

INSTANTIATE_TEST_SUITE_P(Tcp, StrangersOfManyAddresses, testing::Values("tcp://127.0.0.1:0"));

}  // namespace
}  // namespace domed::test
