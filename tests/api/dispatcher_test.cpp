#include "api/dispatcher.h"

#include <future>

#include "protocol/limits.h"
#include "support/harness.h"

namespace domed::test {
namespace {

class DispatcherTest : public testing::Test {
 protected:
  Json reply(const std::string& bytes) { return Json::parse(kernel.raw(bytes)); }
  static std::string health(std::size_t padding) {
    return R"({"jsonrpc":"2.0","id":7,"method":"Health"})" + std::string(padding, ' ');
  }

  Scratch scratch;
  Kernel kernel{"store-memory", scratch.path()};
};

TEST_F(DispatcherTest, AnswersUnderTheIdOfTheRequest) {
  EXPECT_EQ(reply(health(0)).at("id"), 7);
}

TEST_F(DispatcherTest, TakesALargeRequestUpToTheBoundOfTheProtocol) {
  const std::size_t left = limits::kRequestBytes - health(0).size();
  EXPECT_EQ(reply(health(left)).at("result").at("epoch"), "epoch");
  EXPECT_EQ(reply(health(left + 1)).at("error").at("data").at("error"), "E_TOO_LARGE");
}

TEST_F(DispatcherTest, NamesTheMethodsThereAreToWhoKnowsNone) {
  const Json error =
      reply(R"({"jsonrpc":"2.0","id":"a","method":"health","params":{}})").at("error");
  EXPECT_EQ(error.at("code"), -32601);
  EXPECT_NE(error.at("message").get<std::string>().find("CancelJob, DeleteJob"), std::string::npos)
      << error;
}

TEST_F(DispatcherTest, RefusesWhatIsNoRequest) {
  EXPECT_EQ(reply("{").at("error").at("code"), -32700);
  EXPECT_EQ(reply("[]").at("error").at("code"), -32600);
  EXPECT_EQ(reply(std::string(100 << 10, '{')).at("error").at("code"), -32700);
}

TEST_F(DispatcherTest, IsBusyWithWhatNeedsAWorkerOnceThoseHaveStopped) {
  kernel.workers.stop();
  EXPECT_EQ(kernel.error("ListJobs", Json::object()), "E_BUSY");
  EXPECT_EQ(kernel.call("Health", Json::object()).at("epoch"), "epoch");
  EXPECT_EQ(reply(health(100 << 10)).at("result").at("epoch"), "epoch");  // a large one, too
}

}  // namespace
}  // namespace domed::test
