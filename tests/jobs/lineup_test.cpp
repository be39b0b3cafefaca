#include "jobs/lineup.h"

#include "jobs_fixture.h"
#include "log/retry.h"

namespace domed::test {
namespace {

using Word = Need::Word;
const Json kTwoAttempts{{"command", {"true"}}, {"retry", {{"max_attempts", 2}, {"backoff_s", 0}}}};

class LineupTest : public JobsTest {
 protected:
  Need need(const std::string& id) {
    return need_of(store, id, [this](const std::string& from, const std::string& to) {
      steps += from + " to " + (to == retry_id(from) ? "its retry" : to) + "\n";
      if (meanwhile) meanwhile();
    });
  }

  const OwnPolicy alone{{}, {}, {}, {}, {}, true};
  std::string steps;
  std::function<void()> meanwhile;
};

TEST_F(LineupTest, TheQueueGetsWhatTheRequestSays) {
  submit(journal, "job",
         {{"command", {"true"}},
          {"queue", "builds"},
          {"priority", 7},
          {"hold", true},
          {"depends_on", {"need"}},
          {"not_before", "2030-01-01T00:00:00.000000Z"}});
  const auto job = waiting_job(store, "job", environment.now(), alone);
  ASSERT_TRUE(job);
  EXPECT_EQ("builds", job->queue);
  EXPECT_EQ(7, job->priority);
  EXPECT_TRUE(job->held);
  EXPECT_EQ(std::set<std::string>{"need"}, job->needs);
  EXPECT_EQ(1'893'456'000'000'000, job->not_before);
}

TEST_F(LineupTest, ATimeThatNobodyChoseIsNoReasonToWait) {
  environment.time = -86'400'000'000;
  submit(journal, "job");
  EXPECT_EQ(INT64_MIN, waiting_job(store, "job", environment.now(), alone)->not_before);
  EXPECT_FALSE(waiting_job(store, "job", environment.now(), alone)->backoff);
}

TEST_F(LineupTest, OnlyAQueuedJobWaits) {
  submit(journal, "job");
  finish("job", State::canceled);
  EXPECT_FALSE(waiting_job(store, "job", environment.now(), alone));
  EXPECT_FALSE(waiting_job(store, "unknown", environment.now(), alone));
  EXPECT_TRUE(is_over(*store.find("job")));
}

TEST_F(LineupTest, ANeedIsOpenUntilItsJobIsOver) {
  submit(journal, "need");
  EXPECT_EQ(Word::open, need("need").word);
  finish("need", State::canceled);
  EXPECT_EQ(Word::failed, need("need").word);
  EXPECT_EQ("", steps);
}

TEST_F(LineupTest, AJobThatIsGoneNeverSucceeds) {
  EXPECT_EQ(Word::failed, need("unknown").word);
}

TEST_F(LineupTest, TheLastAttemptDecides) {
  submit(journal, "need", kTwoAttempts);
  finish("need", State::failed);
  const std::string next = retry_id("need");
  EXPECT_EQ(Word::open, need("need").word) << "the attempt is still to be made";
  submit(journal, next);
  finish(next, State::failed);
  EXPECT_EQ(next, need("need").job_id);
  EXPECT_EQ(Word::failed, need("need").word);
}

// The commit found nobody that needs the next attempt, for nobody did yet.
TEST_F(LineupTest, AnAttemptThatEndsMeanwhileIsNotMissed) {
  submit(journal, "need", kTwoAttempts);
  finish("need", State::failed);
  meanwhile = [this] {
    submit(journal, retry_id("need"));
    finish(retry_id("need"), State::failed);
    meanwhile = nullptr;
  };
  EXPECT_EQ(Word::failed, need("need").word);
  EXPECT_EQ("need to its retry\n", steps);
}

}  // namespace
}  // namespace domed::test
