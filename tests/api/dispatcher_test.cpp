#include "api/dispatcher.h"

#include <atomic>
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
}

// So that strangers' parsers cost nothing: which they may ask takes no params.
TEST_F(DispatcherTest, WhatAnybodyMayAskHasNoParamsToBeParsed) {
  const auto error = [&](const std::string& params) {
    return reply(R"({"jsonrpc":"2.0","id":7,"method":"WhoAmI","params":{"a":)" + params + "}}")
        .at("error")
        .at("message")
        .get<std::string>();
  };
  EXPECT_NE(error("1").find("'a'"), std::string::npos) << error("1");
  EXPECT_EQ(error('"' + std::string(2000, 'x') + '"'), "WhoAmI takes no params");
}

class Leaving final : public Unread {
 public:
  bool is_too_much() const override { return false; }
  bool is_gone() const override { return gone; }
  std::atomic<bool> gone = false;
};

// Large requests that wait for a thread: the two that there are do something else.
class LargeRequests : public DispatcherTest {
 protected:
  LargeRequests() {
    kernel.peer.unread = connection;
    const auto gone = go.get_future().share();
    for (int i = 0; i < 2; ++i) kernel.workers.run([gone] { gone.wait(); });
  }
  std::future<std::string> ask(const std::string& method) {
    const auto promise = std::make_shared<std::promise<std::string>>();
    kernel.dispatcher->take(
        R"({"jsonrpc":"2.0","id":9,"method":")" + method + "\"}" + std::string(100 << 10, ' '),
        kernel.peer, [promise](std::string reply) { promise->set_value(std::move(reply)); });
    return promise->get_future();
  }

  std::shared_ptr<Leaving> connection = std::make_shared<Leaving>();
  std::promise<void> go;
};

TEST_F(LargeRequests, OfWhomHasLeftAreDropped) {
  auto answer = ask("Health");
  connection->gone = true;
  go.set_value();
  EXPECT_THROW(answer.get(), std::future_error) << "nobody is to be answered";
}

TEST_F(LargeRequests, OfConnectionsThatAreNoMoreAreDropped) {
  auto answer = ask("Health");
  connection.reset();
  go.set_value();
  EXPECT_THROW(answer.get(), std::future_error);
}

TEST_F(LargeRequests, AreRefusedUnreadAtTheStop) {
  auto answer = ask("NoSuchMethod");
  kernel.workers.close();
  const Json reply = Json::parse(answer.get());
  EXPECT_EQ(reply.at("id"), 9);
  EXPECT_EQ(reply.at("error").at("data").at("error"), "E_BUSY");
  go.set_value();
}

}  // namespace
}  // namespace domed::test
