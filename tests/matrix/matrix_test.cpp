// Who may do what: every method, by every kind of listener, as every role, with every kind of
// credential, by nng's own clients and ours; held against the table of docs/protocol.md.
#include <gtest/gtest.h>

#include <set>

#include "served.h"
#include "table.h"

namespace domed::matrix {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 20s;  // with whom is to be served
constexpr auto kSoon = 400ms;    // with whom is not
constexpr auto kPulse = 3s;      // of `daemon`, which comes every second
constexpr int kTries = 20;       // the log tells of one refusal a second
constexpr const char* kUnknown = "an unknown or expired token";
constexpr Client kClients[] = {Client::stock, Client::ours};
constexpr Rank kRanks[] = {none, reader, producer, submitter, everything};

// What a method is asked for, of jobs of this round alone.
class Round {
 public:
  explicit Round(Served& served) : number_(std::to_string(++count)) {
    for (const auto* job : {"followed", "foreign"}) {
      Json params{{"idempotency_key", job + number_}};
      params.update(job == std::string("followed") ? Json{{"executor", "external"}}
                                                   : Json{{"tool_id", "hello"}});
      jobs_[job] = served.ask("SubmitJob", params);
    }
  }

  Json params_of(const Row& row) const {
    Json params = row.params;
    if (row.job == Job::followed) params["job_id"] = jobs_.at("followed")["job_id"];
    if (row.job == Job::foreign) params["job_id"] = jobs_.at("foreign")["job_id"];
    // Who may not submit has none.
    if (row.job == Job::own)
      params["job_id"] = jobs_.at(jobs_.contains("own") ? "own" : "foreign")["job_id"];
    if (params.value("producer_token", "") == "TOKEN")
      params["producer_token"] = jobs_.at("followed")["producer_token"];
    if (params.contains("idempotency_key"))
      params["idempotency_key"] = params["idempotency_key"].get<std::string>() + number_ +
                                  (row.job == Job::foreign ? "f" : "");
    return params;
  }
  void note(const Row& row, const Json& answer) {
    if (row.method == "SubmitJob" && row.params.contains("tool_id") && answer.contains("result"))
      jobs_["own"] = answer["result"];
  }

 private:
  static inline int count = 0;
  const std::string number_;
  std::map<std::string, Json> jobs_;
};

class Matrix : public ::testing::Test {
 protected:
  // By both clients: all rows of the table, as for "rank".
  void expect_served(const std::string& url, const Shown& shown, Rank rank,
                     const std::string& identity) {
    for (const Client client : kClients) {
      SCOPED_TRACE(url + (client == Client::stock ? " by a stock client" : " by ours") + " as " +
                   identity + ", " + name_of(rank));
      Round round(served_);
      Asker asker(client, Asker::Does::ask, url, shown, kPatience);
      for (const Row& row : table()) {
        const Json answer = asker.ask(row.method, round.params_of(row));
        round.note(row, answer);
        expect_row(row, rank, identity, answer);
        if (answer.contains("refused")) return;
      }
    }
  }

  static void expect_row(const Row& row, Rank rank, const std::string& identity,
                         const Json& answer) {
    const Rank least = rank < row.needs ? row.needs : row.needs_too;
    const Json error = answer.value("error", Json::object());
    const std::string what = row.method + " " + row.params.dump() + ": " + answer.dump();
    if (rank < least) {
      const Json forbidden{{"error", "E_FORBIDDEN"},
                           {"retryable", false},
                           {"identity", identity},
                           {"role", name_of(rank)},
                           {"needs", name_of(least)}};
      EXPECT_TRUE(contains(error, forbidden)) << what;
    } else if (!row.then.empty()) {
      EXPECT_EQ(error.value("error", ""), row.then) << what;
    } else {
      EXPECT_TRUE(answer.contains("result")) << what;
      if (answer.contains("result")) expect_result(row, rank, identity, answer["result"]);
    }
  }
  // Our client leaves "retryable" to the error's name.
  static bool contains(const Json& error, Json wanted) {
    if (!error.contains("retryable")) wanted.erase("retryable");
    return error == wanted;
  }
  static void expect_result(const Row& row, Rank rank, const std::string& identity,
                            const Json& result) {
    if (row.method == "WhoAmI") {
      Json roles = Json::array();
      for (int up_to = reader; up_to <= rank; ++up_to)
        roles.push_back(name_of(static_cast<Rank>(up_to)));
      EXPECT_EQ(result, (Json{{"identity", identity}, {"roles", roles}}));
    }
    if (row.method == "Health") {
      std::set<std::string> told;
      for (const auto& item : result.items()) told.insert(item.key());
      const std::set<std::string> little{"epoch", "protocol", "time", "version"};
      EXPECT_EQ(told == little, rank == none) << result;
    }
    if (row.method == "SubmitJob") {
      EXPECT_EQ(result.contains("producer_token"), row.params.contains("executor")) << result;
    }
  }

  // By both clients: nothing is answered, and the log says why, which it does once a second.
  void expect_refused(const std::string& url, const Shown& shown, const std::string& why = "") {
    SCOPED_TRACE(url + ": " + why);
    const std::size_t before = served_.log().size();
    const auto limit = std::chrono::steady_clock::now() + kPatience;
    do {
      for (const Client client : kClients) {
        Asker asker(client, Asker::Does::ask, url, shown, kSoon);
        const Json answer = asker.ask("Health", Json::object());
        ASSERT_TRUE(answer.contains("refused")) << answer;
      }
      ASSERT_LT(std::chrono::steady_clock::now(), limit) << served_.log().substr(before);
    } while (served_.log().find(why, before) == std::string::npos);
  }

  Shown with_certificate(const test::Shown& certificate, const std::string& token = "") const {
    return {served_.ca(), certificate, token};
  }
  Shown with_token(const std::string& token) const { return {served_.ca(), {}, token}; }

  struct Bad {
    test::Shown certificate;
    std::string why;
  };
  std::vector<Bad> bad_certificates() const {
    const auto named = [](const std::string& name, const std::string& why) {
      return "its certificate 'CN=" + name + "' " + why;
    };
    return {
        {served_.certificate("expired", "clientAuth", -9, -1), named("expired", "has expired")},
        {served_.certificate("early", "clientAuth", 1, 9), named("early", "is not valid yet")},
        {served_.revoked(), named("revoked", "is revoked by")},
        {served_.signed_by_itself("operator"), named("operator", "is signed by itself")},
        {served_.of_another_authority("operator"),
         named("operator", "is signed by an authority that is not in")},
        {served_.certificate("operator", "serverAuth"), named("operator", "is not for clients")}};
  }

  // Each token there is, and what comes of it, at a listener that takes any; beside "certificate".
  void expect_tokens(const std::string& url, const test::Shown& certificate = {}) {
    for (const Rank rank : kRanks)
      expect_served(url, with_certificate(certificate, secret_of(name_of(rank))), rank,
                    "token:" + name_of(rank));
    for (const auto* wrong : {"expired", "removed", "guessed"})
      expect_served(url, with_certificate(certificate, secret_of(wrong)), none, kUnknown);
  }
  // Likewise each certificate; "token" makes a bad one no better.
  void expect_certificates(const std::string& url, const std::string& token = "") {
    for (const Rank rank : kRanks)
      expect_served(url, with_certificate(served_.certificate(name_of(rank))), rank,
                    "cert:" + name_of(rank));
    for (const Bad& bad : bad_certificates())
      expect_refused(url, with_certificate(bad.certificate, token), bad.why);
  }

  Served served_;
};

TEST_F(Matrix, OverIpcTheDaemonsUserIsAnOperator) {
  expect_served(served_.ipc(), {}, everything, served_.user(geteuid()));
  // It is not looked at.
  expect_served(served_.ipc(), with_token(secret_of("reader")), everything,
                served_.user(geteuid()));
}

TEST_F(Matrix, OverIpcOthersAreWhatTheirUserIs) {
  if (!can_be_others()) GTEST_SKIP() << "acting as other users needs root and a group 'games'";
  const auto as = [](uid_t uid, gid_t group) {
    Shown shown;
    shown.user = {uid, group};
    return shown;
  };
  for (const Rank rank : kRanks)
    expect_served(served_.ipc(), as(kMembers + rank, member_group()), rank,
                  served_.user(kMembers + rank));
  expect_refused(served_.ipc(), as(kStranger, 0));
  expect_refused(served_.ipc(), as(kMembers + everything, 0));  // no member, whatever "roles" says
}

TEST_F(Matrix, OverTcpTokensSayWho) {
  expect_tokens(served_.tcp());
  expect_served(served_.tcp(), {}, none, "anyone");
}

TEST_F(Matrix, OverTlsCertificatesSayWho) {
  expect_certificates(served_.certificates());
  expect_refused(served_.certificates(), with_token(""), "it has no certificate");
  // A token is nothing there.
  expect_refused(served_.certificates(), with_token(secret_of("operator")),
                 "it has no certificate");
  expect_served(served_.certificates(),
                with_certificate(served_.certificate("reader"), secret_of("operator")), reader,
                "cert:reader");
}

TEST_F(Matrix, OverTlsTokensSayWho) {
  expect_tokens(served_.tokens());
  expect_served(served_.tokens(), with_token(""), none, "anyone");
  // A certificate is nothing there.
  expect_served(served_.tokens(), with_certificate(served_.certificate("operator")), none,
                "anyone");
}

TEST_F(Matrix, OverTlsEitherSaysWho) {
  expect_certificates(served_.both(), secret_of("operator"));
  expect_tokens(served_.both());
  expect_served(served_.both(), with_token(""), none, "anyone");
  // A token is the request's own word, and counts for more.
  expect_tokens(served_.both(), served_.certificate("operator"));
}

TEST_F(Matrix, OverWsAnyoneIsWhatTheListenerSays) {
  for (const Rank rank : {reader, producer, submitter, everything})
    expect_served(served_.ws(rank), {}, rank, "anyone");
  expect_served(served_.ws(reader), with_token(secret_of("operator")), reader, "anyone");
}

TEST_F(Matrix, OverWsTokensSayWho) {
  expect_tokens(served_.ws_tokens());
  expect_served(served_.ws_tokens(), {}, none, "anyone");
}

// Who hears `daemon`; all listen at once, for it comes every second.
TEST_F(Matrix, EventsAreForReaders) {
  struct Listening {
    std::string who;
    bool hears;
    std::unique_ptr<Asker> asker;
  };
  std::vector<Listening> all;
  const auto add = [&](const std::string& url, const Shown& shown, bool hears,
                       const std::string& who) {
    for (const Client client : kClients)
      all.push_back({who + " at " + url + (client == Client::stock ? ", stock" : ", ours"), hears,
                     std::make_unique<Asker>(client, Asker::Does::hear, url, shown,
                                             hears ? kPatience : kPulse)});
  };
  add(served_.ipc_events(), {}, true, "the daemon's user");
  add(served_.tcp_events(), {}, true, "anyone");
  add(served_.ws_events(), {}, true, "anyone");
  add(served_.open_events(), with_token(""), true, "anyone");
  for (const Rank rank : kRanks)
    add(served_.certificates_events(), with_certificate(served_.certificate(name_of(rank))),
        rank >= reader, name_of(rank));
  add(served_.certificates_events(), with_token(secret_of("operator")), false, "a token");
  for (const Bad& bad : bad_certificates())
    add(served_.certificates_events(), with_certificate(bad.certificate), false, bad.why);
  if (can_be_others())
    for (const Rank rank : kRanks) {
      Shown shown;
      shown.user = {kMembers + rank, member_group()};
      add(served_.ipc_events(), shown, rank >= reader, "a member, " + name_of(rank));
    }
  for (const Listening& one : all)
    EXPECT_EQ(one.asker->heard().starts_with("daemon"), one.hears) << one.who;
}

}  // namespace
}  // namespace domed::matrix
