#include "log/retry.h"
#include "support/harness.h"

namespace domed::test {
namespace {

// A job that failed and is to be tried again; no scheduler runs that would do it.
class CancelRetry : public ::testing::TestWithParam<std::string> {
 protected:
  CancelRetry() {
    job =
        kernel.call("SubmitJob", {{"idempotency_key", "a"},
                                  {"command", {"false"}},
                                  {"retry", {{"max_attempts", 3}, {"backoff_s", 3600}}}})["job_id"];
    fail(job);
  }
  void fail(const std::string& id) {
    kernel.journal->run(id, [](JobLog& log) { log.finish(State::failed, "exit", ""); });
  }
  // As the scheduler does it.
  void make_next_of(const std::string& id) {
    Submission next =
        next_attempt(head_of(*kernel.store->find(id)), fixed_of(*kernel.store->find(id)));
    kernel.journal->run(next.fixed.job_id, [&](JobLog& log) { log.create(next); });
    kernel.journal->run(id, [](JobLog& log) { log.retried(); });
  }
  Json cancel() { return kernel.call("CancelJob", {{"job_id", job}, {"reason", "enough"}}); }
  std::string state_of(const std::string& id) {
    return kernel.call("GetJobStatus", {{"job_id", id}})["state"];
  }

  Scratch dir;
  Kernel kernel{GetParam(), dir.path()};
  std::string job;
};
INSTANTIATE_TEST_SUITE_P(Stores, CancelRetry, ::testing::Values("store-memory", "store-sqlite"));

TEST_P(CancelRetry, OneThatIsPlannedNeverStarts) {
  const std::string next = retry_id(job);
  const Json expected{{"state", "failed"},
                      {"already_terminal", true},
                      {"retry", {{"job_id", next}, {"state", "canceled"}, {"canceled", true}}}};
  EXPECT_EQ(expected, cancel());
  EXPECT_EQ("canceled", state_of(next));
  EXPECT_EQ(0, head_of(*kernel.store->find(job)).retry_at);  // nothing for the next daemon
  EXPECT_EQ(0, head_of(*kernel.store->find(next)).retry_at);
}

TEST_P(CancelRetry, OneThatIsQueuedNeverStarts) {
  make_next_of(job);
  EXPECT_EQ(true, cancel()["retry"]["canceled"]);
  EXPECT_EQ("canceled", state_of(retry_id(job)));
}

TEST_P(CancelRetry, ItsLogSaysWhy) {
  cancel();
  const auto lines = kernel.lines(retry_id(job));
  EXPECT_NE(std::string::npos,
            lines.back().find("the retry of job " + job + " was canceled: enough"))
      << lines.back();
}

TEST_P(CancelRetry, TheNewestAttemptIsTheOneThatCounts) {
  make_next_of(job);
  fail(retry_id(job));
  EXPECT_EQ(Json(retry_id(retry_id(job))), cancel()["retry"]["job_id"]);
  EXPECT_EQ("failed", state_of(retry_id(job)));
  EXPECT_EQ("canceled", state_of(retry_id(retry_id(job))));
}

TEST_P(CancelRetry, OneThatRunsIsOnlyNamed) {
  make_next_of(job);
  kernel.journal->run(retry_id(job), [](JobLog& log) { log.assign("node-1", "t"); });
  Json next{{"job_id", retry_id(job)}, {"producer_token", "t"}};
  kernel.append(next, 1, {change_to("running")});
  const Json expected{{"job_id", retry_id(job)}, {"state", "running"}, {"canceled", false}};
  EXPECT_EQ(expected, cancel()["retry"]);
  EXPECT_EQ("running", state_of(retry_id(job)));
}

TEST_P(CancelRetry, ASecondCancelSaysWhatIsSo) {
  cancel();
  const Json expected{{"job_id", retry_id(job)}, {"state", "canceled"}, {"canceled", false}};
  EXPECT_EQ(expected, cancel()["retry"]);
}

TEST_P(CancelRetry, AJobWithoutOneIsOverAsBefore) {
  const Json other = kernel.running_job("b");
  kernel.append(other, 1, {change_to("failed")});
  const Json expected{{"state", "failed"}, {"already_terminal", true}};
  EXPECT_EQ(expected, kernel.call("CancelJob", {{"job_id", other["job_id"]}}));
}

}  // namespace
}  // namespace domed::test
