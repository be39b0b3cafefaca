#include "jobs/settle.h"

#include <fstream>

#include "jobs/spool_import.h"
#include "jobs_fixture.h"

namespace domed::test {
namespace {

class SettleTest : public JobsTest {
 protected:
  SettleTest() {
    submit(journal, "job");
    run_dir("job").create("job");
  }
  // The next batch in the run's spool.
  void spool(const Json& events, const std::string& job = "job") {
    std::ofstream(run_dir("job").path() / "spool", std::ios::app) << Json{{"job_id", job},
                                                                          {"producer_id", "p"},
                                                                          {"producer_token", ""},
                                                                          {"batch", ++batches},
                                                                          {"events", events}}
                                                                         .dump()
                                                                  << "\n";
  }
  std::string import() { return import_spool(context, head("job"), fixed("job"), run_dir("job")); }
  StepOutcome settle(std::optional<Deadlines::Verdict> verdict = {}) {
    return domed::settle(context, {"job", "run-job", false}, [&] { return verdict; });
  }

  int batches = 0;
};

TEST_F(SettleTest, ASpoolThatIsImportedTwiceChangesNothingMore) {
  spool(Json::array({change_to("running")}));
  spool(Json::array({log_event("said")}));
  EXPECT_EQ("", import());
  const auto seq = head("job").head_seq;
  EXPECT_EQ("", import());
  EXPECT_EQ(seq, head("job").head_seq);
  EXPECT_EQ(State::running, head("job").state);
}

TEST_F(SettleTest, AnImportEndsAtABatchOfAnotherJob) {
  submit(journal, "other");
  spool(Json::array({change_to("running")}));
  spool(Json::array({log_event("said")}), "other");
  EXPECT_NE(std::string::npos, import().find("a batch of another job"));
  EXPECT_EQ(State::queued, head("other").state);
}

TEST_F(SettleTest, AnImportTellsOfWhatIsTornAtTheEnd) {
  spool(Json::array({change_to("running")}));
  std::ofstream(run_dir("job").path() / "spool", std::ios::app) << "{\"job";
  EXPECT_EQ("its last 5 bytes are no whole batch", import());
  EXPECT_EQ(State::running, head("job").state);
}

TEST_F(SettleTest, WhatTheStoreRefusesIsThrownForAnotherTry) {
  spool(Json::array({change_to("running")}));
  store.failures = 1;
  EXPECT_ANY_THROW(import());
  EXPECT_EQ("", import());
  EXPECT_EQ(State::running, head("job").state);
}

TEST_F(SettleTest, AStoppingDaemonLeavesTheSpoolToTheNext) {
  spool(Json::array({change_to("running")}));
  stopping = true;
  EXPECT_EQ("E_BUSY", error_name([&] { settle(); }));
  EXPECT_EQ(State::queued, head("job").state);
  EXPECT_TRUE(run_dir("job").exists());
}

TEST_F(SettleTest, AJobWithoutAnEndInItsSpoolIsLost) {
  spool(Json::array({change_to("running")}));
  EXPECT_EQ(StepOutcome::Next::release, settle().next);
  EXPECT_EQ("lost", head("job").reason);
  EXPECT_FALSE(run_dir("job").exists());
  EXPECT_NE(std::string::npos, said.find("job job is lost"));
}

TEST_F(SettleTest, TheVerdictOfItsDeadlinesCountsWhereTheSpoolHasNone) {
  settle(Deadlines::Verdict{State::canceled, "cancel", "it was to be ended"});
  EXPECT_EQ(State::canceled, head("job").state);
  EXPECT_EQ("cancel", head("job").reason);
}

TEST_F(SettleTest, TheEndInItsSpoolIsTheJobs) {
  spool(Json::array({change_to("running")}));
  spool(Json::array({change_to("succeeded")}));
  settle(Deadlines::Verdict{State::canceled, "cancel", "it was to be ended"});
  EXPECT_EQ(State::succeeded, head("job").state);
  EXPECT_EQ("", said);
}

}  // namespace
}  // namespace domed::test
