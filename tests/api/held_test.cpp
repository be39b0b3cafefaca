// What is held when roles change: it is asked again who waits.
#include <algorithm>
#include <future>
#include <thread>

#include "support/harness.h"

namespace domed::test {
namespace {

class Held : public testing::Test {
 protected:
  std::future<Json> asked(const std::string& method, const Json& params) {
    const Json text{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
    const auto promise = std::make_shared<std::promise<Json>>();
    kernel.dispatcher->take(text.dump(), kernel.peer, [promise](const std::string& reply) {
      promise->set_value(Json::parse(reply));
    });
    return promise->get_future();
  }
  // Of the next event of "job"; it waits when this returns.
  std::future<Json> poll() {
    const std::size_t before = kernel.streams->held_polls();
    auto out = asked("StreamJobEvents",
                     {{"job_id", job["job_id"]}, {"since_seq", 3}, {"wait_ms", 10'000}});
    while (kernel.streams->held_polls() == before) std::this_thread::yield();
    return out;
  }
  static std::string error(std::future<Json>& answer) {
    const Json reply = answer.get();
    return reply.contains("error") ? reply["error"]["data"].value("error", "?") : reply.dump();
  }
  void operate() { kernel.be(Kernel::kOwnUser, Role::admin); }

  Scratch scratch;
  Kernel kernel{"store-memory", scratch.path()};
  const Json job = kernel.running_job("k");
};

TEST_F(Held, APollIsNotAnsweredWithLinesOnceItsRoleIsGone) {
  kernel.be("token:x", Role::reader);
  auto poll_of_x = poll();
  kernel.becomes(Role::none);
  operate();
  kernel.append(job, 1, log_event("a secret"));
  EXPECT_EQ(error(poll_of_x), "E_FORBIDDEN");
  const std::lock_guard lock(kernel.auditing);
  EXPECT_EQ(std::count_if(kernel.audited.begin(), kernel.audited.end(),
                          [](const OrderedJson& line) {
                            return line["who"] == "token:x" && line["outcome"] == "E_FORBIDDEN";
                          }),
            1);
}

TEST_F(Held, PollsEndWithTheirRole) {
  operate();
  auto other = poll();
  kernel.be("token:x", Role::reader);
  auto poll_of_x = poll();
  kernel.streams->look_again();
  EXPECT_EQ(kernel.streams->held_polls(), 2u) << "nothing has changed";
  kernel.becomes(Role::none);
  kernel.streams->look_again();
  EXPECT_EQ(error(poll_of_x), "E_FORBIDDEN");
  EXPECT_EQ(kernel.streams->held_polls(), 1u);
  operate();
  kernel.append(job, 1, log_event("a line"));
  EXPECT_EQ(other.get()["result"]["events"].size(), 1u);
}

// What it made is there: it hears what the commit said, and nothing that came later.
TEST_F(Held, ASubmitIsAnsweredAsItWasCommitted) {
  kernel.be("token:x", Role::submitter);
  auto answer =
      asked("SubmitJob", {{"idempotency_key", "s"}, {"executor", "external"}, {"wait_ms", 10'000}});
  while (kernel.streams->held_polls() == 0) std::this_thread::yield();
  kernel.becomes(Role::none);
  kernel.streams->look_again();
  const Json reply = answer.get();
  EXPECT_EQ(reply["result"]["state"], "queued") << reply;
  const std::lock_guard lock(kernel.auditing);
  EXPECT_EQ(kernel.audited.back()["outcome"], "ok");
}

TEST_F(Held, ABatchThatWaitsForItsPredecessorIsRefused) {
  const auto batch = [&](int number) {
    return asked("AppendJobEvents", {{"job_id", job["job_id"]},
                                     {"producer_id", "p"},
                                     {"producer_token", job["producer_token"]},
                                     {"batch", number},
                                     {"events", {log_event("x")}}});
  };
  kernel.be("token:x", Role::producer);
  auto second = batch(2);
  kernel.becomes(Role::reader);
  operate();
  EXPECT_TRUE(batch(1).get().contains("result"));
  EXPECT_EQ(error(second), "E_FORBIDDEN");
  EXPECT_EQ(kernel.lines(job["job_id"], 3).size(), 1u);
}

}  // namespace
}  // namespace domed::test
