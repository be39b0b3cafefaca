// SubmitJob with wait_ms: an answer that waits for the job's end.
#include <future>
#include <thread>

#include "support/harness.h"

namespace domed::test {
namespace {

class SubmitWait : public testing::Test {
 protected:
  Json request(int wait_ms) const {
    return {{"idempotency_key", "k"}, {"executor", "external"}, {"wait_ms", wait_ms}};
  }
  // Under way when it returns: the daemon holds it.
  std::future<Json> asked(int wait_ms) {
    auto out = std::async(std::launch::async,
                          [this, wait_ms] { return kernel.call("SubmitJob", request(wait_ms)); });
    while (kernel.streams->held_polls() == 0) std::this_thread::yield();
    return out;
  }

  Scratch scratch;
  Kernel kernel{"store-memory", scratch.path()};
};

TEST_F(SubmitWait, IsAnsweredWithTheEnd) {
  const Json job = kernel.running_job("k");
  auto answer = asked(10'000);
  kernel.append(job, 1, {log_event("a line")});
  EXPECT_EQ(1u, kernel.streams->held_polls());
  kernel.append(job, 2,
                {{{"type", "state_change"},
                  {"payload", {{"to", "failed"}, {"exit_code", 3}, {"message", "m"}}}}});
  const Json said = answer.get();
  EXPECT_EQ("failed", said["state"]);
  EXPECT_EQ(3, said["exit_code"]);
  EXPECT_EQ("m", said["message"]);
  EXPECT_EQ("reported", said["reason"]);
  EXPECT_EQ(job["job_id"], said["job_id"]);
  EXPECT_EQ(job["producer_token"], said["producer_token"]);
  EXPECT_TRUE(said["replayed"]);
}

TEST_F(SubmitWait, IsTheSameRequestWithAnyTimeOrNone) {
  const Json first = kernel.call("SubmitJob", request(1));
  EXPECT_EQ("queued", first["state"]);
  EXPECT_FALSE(first["replayed"]);
  EXPECT_FALSE(first.contains("reason"));
  EXPECT_EQ(first["job_id"], kernel.running_job("k")["job_id"]);
  EXPECT_EQ("running", kernel.call("SubmitJob", request(2))["state"]);
}

TEST_F(SubmitWait, IsAnsweredAtOnceWhereTheJobIsOver) {
  const Json job = kernel.running_job("k");
  kernel.append(job, 1, {change_to("succeeded")});
  EXPECT_EQ("succeeded", kernel.call("SubmitJob", request(10'000))["state"]);
  EXPECT_EQ(0u, kernel.streams->held_polls());
}

TEST_F(SubmitWait, EndsWithTheDaemonAndWithItsClient) {
  for (const bool stops : {false, true}) {
    auto answer = asked(10'000);
    stops ? kernel.streams->stop() : kernel.streams->client_left(kernel.peer.pipe);
    EXPECT_EQ("queued", answer.get()["state"]);
  }
}

// The job is there from then on, whatever becomes of the daemon, or of the answer.
TEST_F(SubmitWait, IsAuditedWhenItIsCommitted) {
  const auto told = [this] {
    const std::lock_guard lock(kernel.auditing);
    return kernel.audited;
  };
  auto answer = asked(10'000);
  ASSERT_EQ(told().size(), 1u);
  EXPECT_EQ(told()[0]["method"], "SubmitJob");
  EXPECT_EQ(told()[0]["outcome"], "ok");
  kernel.streams->stop();
  EXPECT_EQ(told()[0]["job_id"], answer.get()["job_id"].get<std::string>());
  EXPECT_EQ(told().size(), 1u) << "and not again";
}

TEST_F(SubmitWait, IsToldThatItsJobWasDeleted) {
  const Json job = kernel.running_job("k");
  auto answer = std::async(std::launch::async,
                           [this] { return kernel.request("SubmitJob", request(10'000)); });
  while (kernel.streams->held_polls() == 0) std::this_thread::yield();
  kernel.append(job, 1, {change_to("canceled")});
  EXPECT_EQ("canceled", answer.get()["result"]["state"]);
  kernel.call("DeleteJob", {{"job_id", job["job_id"]}});
  EXPECT_EQ("E_GONE", kernel.error("SubmitJob", request(10)));
}

TEST_F(SubmitWait, IsRefusedBeyondItsMost) {
  EXPECT_EQ("E_INVALID_REQUEST", kernel.error("SubmitJob", request(10'001)));
  EXPECT_EQ("E_INVALID_REQUEST", kernel.error("SubmitJob", request(-1)));
}

// As many wait as may: the others are answered, not refused, for the job is there.
TEST_F(SubmitWait, AboveTheMostIsAnsweredAtOnce) {
  std::vector<std::future<Json>> held;
  for (std::size_t i = 0; i < 8; ++i)
    held.push_back(std::async(std::launch::async,
                              [this] { return kernel.call("SubmitJob", request(10'000)); }));
  while (kernel.streams->held_polls() < 8) std::this_thread::yield();
  EXPECT_EQ("queued", kernel.call("SubmitJob", request(10'000))["state"]);
  kernel.streams->stop();
  for (auto& each : held) EXPECT_EQ("queued", each.get()["state"]);
}

}  // namespace
}  // namespace domed::test
