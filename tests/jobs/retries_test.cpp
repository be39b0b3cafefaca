#include "jobs/retries.h"

#include "jobs_fixture.h"
#include "log/retry.h"

namespace domed::test {
namespace {

class RetriesTest : public JobsTest {
 protected:
  RetriesTest() {
    submit(journal, "job",
           {{"command", {"true"}}, {"retry", {{"max_attempts", 2}, {"backoff_s", 0}}}});
    finish("job", State::failed);
  }
  const std::string next = retry_id("job");
};

TEST_F(RetriesTest, TheNewJobIsARunOfItsOwn) {
  make_next_attempt(context, "job");
  EXPECT_EQ("job", fixed(next).request["retry_of"]);
  EXPECT_NE(fixed("job").run_id, fixed(next).run_id);
  EXPECT_FALSE(head(next).run_token) << "its first start gives it one";
  EXPECT_EQ(0, head("job").retry_at) << "nothing is left to do";
}

// The first commit succeeds, the second does not.
TEST_F(RetriesTest, OneThatIsHalfMadeIsMadeOnce) {
  Submission made = next_attempt(head("job"), fixed("job"));
  made.fixed.run_id = "run";
  journal.run(next, [&](JobLog& log) { log.create(made); });
  make_next_attempt(context, "job");
  EXPECT_EQ("run", fixed(next).run_id);
  EXPECT_EQ(0, head("job").retry_at);
}

TEST_F(RetriesTest, WhatTheStoreRefusesIsDueAgain) {
  store.failures = 1;
  EXPECT_ANY_THROW(make_next_attempt(context, "job"));
  EXPECT_NE(0, head("job").retry_at);
  make_next_attempt(context, "job");
  EXPECT_EQ(State::queued, head(next).state);
}

// What is left of the backoff of the job that tries "id" again, "passed" after that was made.
class BackoffTest : public JobsTest {
 protected:
  static constexpr std::int64_t kSecond = 1'000'000, kDay = 86'400 * kSecond;
  void fail(double backoff_s, int attempts = 5) {
    submit(
        journal, "job",
        {{"command", {"true"}}, {"retry", {{"max_attempts", attempts}, {"backoff_s", backoff_s}}}});
    finish("job", State::failed);
    make_next_attempt(context, "job");
  }
  double left(std::int64_t passed) {
    const std::string next = retry_id("job");
    const auto left = backoff_left(head(next), fixed(next), head(next).created + passed);
    return left ? static_cast<double>(left->count()) / 1e6 : -1;
  }
};

TEST_F(BackoffTest, IsWhatHasNotPassedOfTheWhole) {
  fail(60);
  EXPECT_EQ(60, left(0));
  EXPECT_EQ(15, left(45 * kSecond));
  EXPECT_EQ(0, left(61 * kSecond));
  EXPECT_EQ(60, left(-kDay)) << "a clock that is set back makes it no longer";
  EXPECT_EQ(0, left(kDay));
}

TEST_F(BackoffTest, IsNoLongerWhereTheClockWasSetBackBeforeTheJobEnded) {
  submit(journal, "job",
         {{"command", {"true"}}, {"retry", {{"max_attempts", 2}, {"backoff_s", 60}}}});
  environment.time -= kDay;
  finish("job", State::failed);  // its ts does not go back, and its not_before is a day ahead
  make_next_attempt(context, "job");
  EXPECT_EQ(60, left(0));
}

TEST_F(BackoffTest, IsFoundWhereItsDoubleMetTheLimit) {
  fail(3000);
  EXPECT_NEAR(3000, left(0), 1);
}

TEST_F(BackoffTest, MayBeNone) {
  fail(0);
  EXPECT_EQ(0, left(0));
  EXPECT_FALSE(backoff_left(head("job"), fixed("job"), 0)) << "nobody tries another one again here";
}

TEST_F(RetriesTest, AJobThatIsGoneIsNotTriedAgain) {
  make_next_attempt(context, "unknown");
  EXPECT_FALSE(store.find(retry_id("unknown")));
}

}  // namespace
}  // namespace domed::test
