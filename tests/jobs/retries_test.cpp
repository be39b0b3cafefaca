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
  EXPECT_NE(fixed("job").producer_token, fixed(next).producer_token);
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

TEST_F(RetriesTest, AJobThatIsGoneIsNotTriedAgain) {
  make_next_attempt(context, "unknown");
  EXPECT_FALSE(store.find(retry_id("unknown")));
}

}  // namespace
}  // namespace domed::test
