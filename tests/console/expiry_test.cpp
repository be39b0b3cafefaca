// What a login rests on may expire while a browser's connection lives.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "client/fake_daemon.h"
#include "console/console.h"
#include "support/certificates.h"

namespace domed::console {
namespace {

using namespace std::chrono_literals;
using test::Authority;
using test::Shown;

constexpr std::int64_t kDay = std::int64_t{24} * 3600 * 1'000'000;

class Expiry : public testing::Test {
 protected:
  Expiry() {
    Settings settings;
    settings.port = 0;
    const Shown server = authority.issue_for_server();
    settings.tls_cert = server.cert, settings.tls_key = server.key;
    settings.client_ca = authority.file();
    settings.operators = {"*"};
    settings.secret = kSecret;
    settings.clock = [this] { return now_micros() + later; };
    settings.daemons.push_back({"local", "", NamedDaemon{}});
    settings.daemons.back().daemon.endpoint = daemon.control();
    daemon.answer("GetJobStatus", [](const Json&) {
      return Json{
          {"job_id", "job-1"}, {"log_id", "00112233445566778899aabbccddeeff"}, {"head_seq", 0}};
    });
    daemon.start();
    console.emplace(std::move(settings));
    port = console->bind();
    serving = std::thread([this] { console->serve(); });
  }
  ~Expiry() override {
    console->stop();
    serving.join();
  }
  // One connection, which is kept.
  std::unique_ptr<httplib::SSLClient> browser(const Shown& shown) {
    auto out = std::make_unique<httplib::SSLClient>("localhost", port, shown.cert, shown.key);
    out->enable_server_certificate_verification(false);
    out->set_keep_alive(true);
    out->set_read_timeout(60s);
    return out;
  }
  static int status(const httplib::Result& result) { return result ? result->status : -1; }

  static constexpr const char* kSecret = "a secret of some length";
  Scratch scratch;
  const Authority authority{scratch.path(), "authority"};
  std::atomic<std::int64_t> later{0};
  FakeDaemon daemon{scratch.path()};
  std::optional<Console> console;
  int port = 0;
  std::thread serving;
};

TEST_F(Expiry, OfACertificateHoldsForALivingConnection) {
  const auto brief = browser(authority.issue({"brief", "", "clientAuth", -1, 2}));
  const auto lasting = browser(authority.issue({"lasting"}));
  EXPECT_EQ(status(brief->Get("/api/session")), 200);
  EXPECT_EQ(status(lasting->Get("/api/session")), 200);
  later = 3 * kDay;
  const auto over = brief->Get("/api/session");
  EXPECT_EQ(status(over), 401);
  EXPECT_NE(over->body.find("has expired"), std::string::npos) << over->body;
  EXPECT_EQ(status(brief->Post("/api/act", {}, "{}", "application/json")), 401);
  EXPECT_EQ(status(lasting->Get("/api/session")), 200);
}

// Each beat looks again; whatever came before, the last that comes says why.
TEST_F(Expiry, EndsWhatIsFollowed) {
  const auto brief = browser(authority.issue({"brief", "", "clientAuth", -1, 2}));
  std::string seen;
  const auto result =
      brief->Get("/api/d/local/follow?job_id=job-1", [&](const char* data, size_t size) {
        seen.append(data, size);
        later = 3 * kDay;
        return true;
      });
  EXPECT_EQ(status(result), 200);
  EXPECT_NE(seen.find("the certificate of your browser has expired"), std::string::npos) << seen;
}

TEST_F(Expiry, OfALoginEndsWhatIsFollowed) {
  const auto stranger = browser({"", ""});
  const auto login = stranger->Post("/api/login", {}, R"({"token":"a secret of some length"})",
                                    "application/json");
  ASSERT_EQ(status(login), 200);
  const std::string cookie = login->get_header_value("Set-Cookie");
  std::string seen;
  const auto result = stranger->Get("/api/d/local/follow?job_id=job-1",
                                    {{"Cookie", cookie.substr(0, cookie.find(';'))}},
                                    [&](const char* data, size_t size) {
                                      seen.append(data, size);
                                      later = 8 * kDay;
                                      return true;
                                    });
  EXPECT_EQ(status(result), 200);
  EXPECT_NE(seen.find("your login has expired"), std::string::npos) << seen;
}

}  // namespace
}  // namespace domed::console
