#include "probes/probes.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>

#include "domed/error.h"

namespace domed {
namespace {

class ProbesTest : public testing::Test {
 protected:
  std::pair<int, std::string> get(const std::string& path, const httplib::Headers& headers = {}) {
    httplib::Client client("http://" + probes.address());
    const auto answer = client.Get(path.c_str(), headers);
    return answer ? std::pair(answer->status, answer->body) : std::pair(0, std::string());
  }

  std::string troubles;
  Probes probes{"127.0.0.1:0", {[] { return std::string("a 1\n"); }, [this] { return troubles; }}};
};

using Answer = std::pair<int, std::string>;

TEST_F(ProbesTest, TellMetricsAndWhetherAllWorks) {
  EXPECT_EQ(Answer(200, "a 1\n"), get("/metrics"));
  EXPECT_EQ(Answer(200, "ok\n"), get("/healthz"));
  EXPECT_EQ(Answer(200, "ok\n"), get("/readyz"));
  troubles = "the store keeps nothing at the moment\n";
  EXPECT_EQ(Answer(503, troubles), get("/readyz"));
  EXPECT_EQ(Answer(200, "ok\n"), get("/healthz")) << "a restart would mend nothing";
  EXPECT_EQ(404, get("/").first);
}

// A browser on this machine asks for whatever page it shows, under that page's name.
TEST_F(ProbesTest, AForeignPageGetsNothing) {
  EXPECT_EQ(403, get("/metrics", {{"Host", "evil.example:9464"}}).first);
  EXPECT_EQ(403, get("/metrics", {{"Host", "127.0.0.1.evil.example"}}).first);
  EXPECT_EQ(200, get("/metrics", {{"Host", "localhost:9464"}}).first);
  EXPECT_EQ(200, get("/metrics", {{"Host", "[::1]:9464"}}).first);
}

TEST_F(ProbesTest, NothingCanBeSent) {
  httplib::Client client("http://" + probes.address());
  const auto answer = client.Post("/metrics", std::string(1 << 20, 'x'), "text/plain");
  EXPECT_TRUE(!answer || answer->status >= 400);
  EXPECT_EQ(200, get("/healthz").first);
}

TEST_F(ProbesTest, AnAddressIsHadByOneAlone) {
  EXPECT_THROW((Probes{probes.address(), {[] { return ""; }, [] { return ""; }}}), Error);
}

TEST(ProbesAddress, IsOfLoopback) {
  for (const char* good : {"127.0.0.1:9464", "127.9.9.9:1", "[::1]:0"})
    EXPECT_EQ("", probes_address_problem(good)) << good;
  for (const char* wrong : {"", "9464", "0.0.0.0:1", "[::]:1", "localhost:1", "192.168.1.1:1",
                            "127.0.0.1:", "127.0.0.1:70000", "::1:5", "127.0.0.1:x"})
    EXPECT_NE("", probes_address_problem(wrong)) << wrong;
}

}  // namespace
}  // namespace domed
