#include <gtest/gtest.h>

#include "support/harness.h"

namespace domed::test {
namespace {

// A job exported from one kernel and imported into another.
class Import : public ::testing::TestWithParam<std::string> {
 protected:
  void finish_job(int events = 1) {
    job_ = from.running_job("a");
    for (int i = 1; i < events; ++i) from.append(job_, i, {log_event("line")});
    from.append(job_, events, {log_event("last"), change_to("succeeded")});
  }
  Json status(Kernel& kernel) { return kernel.call("GetJobStatus", {{"job_id", job_["job_id"]}}); }
  Json params(const std::vector<std::string>& lines, bool last = true) {
    return {
        {"job_id", job_["job_id"]}, {"record", status(from)}, {"events", lines}, {"last", last}};
  }
  Json later(const std::vector<std::string>& lines, bool last = true) {
    return {
        {"job_id", job_["job_id"]}, {"log_id", job_["log_id"]}, {"events", lines}, {"last", last}};
  }
  std::vector<std::string> lines() { return from.lines(job_["job_id"]); }
  std::string page_error() { return to.error("StreamJobEvents", {{"job_id", job_["job_id"]}}); }

  Scratch from_dir, to_dir;
  Kernel from{"store-memory", from_dir.path()};
  Kernel to{GetParam(), to_dir.path()};
  Json job_;
};
INSTANTIATE_TEST_SUITE_P(Stores, Import, ::testing::Values("store-memory", "store-sqlite"));

TEST_P(Import, KeepsIdsBytesAndDigest) {
  finish_job();
  EXPECT_EQ(status(from)["digest"], to.call("ImportJob", params(lines()))["digest"]);
  EXPECT_EQ(lines(), to.lines(job_["job_id"]));
  Json expected = status(from), actual = status(to);
  EXPECT_EQ(expected, actual);
}

TEST_P(Import, KeepsWhatTheStatusTellsOfTheRequest) {
  for (const Json& input : {Json{{"b64", "c2VjcmV0"}}, Json{{"path", "/there"}}}) {
    job_ = from.call("SubmitJob", {{"idempotency_key", input.dump()},
                                   {"command", {"true"}},
                                   {"task", {{"q", 1}}},
                                   {"constraints", {{"c", {1, 2}}}},
                                   {"profile", "p"},
                                   {"limits", {{"cpu", 10}}},
                                   {"timeout_s", 0},
                                   {"stdin", input}});
    from.call("CancelJob", {{"job_id", job_["job_id"]}});
    to.call("ImportJob", params(lines()));
    EXPECT_EQ(status(from), status(to));
  }
}

TEST_P(Import, IsHiddenUntilItsLastPiece) {
  finish_job();
  const auto all = lines();
  to.call("ImportJob", params({all[0], all[1]}, false));
  EXPECT_EQ("E_NOT_FOUND", page_error());
  EXPECT_EQ("E_NOT_FOUND", to.error("CancelJob", {{"job_id", job_["job_id"]}}));
  EXPECT_EQ("E_NOT_FOUND", to.error("DeleteJob", {{"job_id", job_["job_id"]}}));
  EXPECT_TRUE(to.call("ListJobs", Json::object())["jobs"].empty());
  to.call("ImportJob", later({all.begin() + 2, all.end()}));
  EXPECT_EQ("", page_error());
  EXPECT_EQ(all, to.lines(job_["job_id"]));
}

TEST_P(Import, APieceWhoseReplyWasLostMayComeAgain) {
  finish_job(3);
  const auto all = lines();
  const Json first = params({all[0], all[1]}, false), second = later({all[2], all[3]}, false);
  for (const Json& piece : {first, first, second, second}) to.call("ImportJob", piece);
  to.call("ImportJob", later({all.begin() + 3, all.end()}));
  EXPECT_EQ(all, to.lines(job_["job_id"]));
}

TEST_P(Import, NeverTouchesAJobThatExists) {
  finish_job();
  const auto all = lines();
  to.running_job("a");  // the same id
  const auto before = to.lines(job_["job_id"]);
  EXPECT_EQ("E_INVALID_REQUEST", to.error("ImportJob", params({all[0]}, false)));
  EXPECT_EQ("E_INVALID_REQUEST", to.error("ImportJob", later({all[1]})));
  EXPECT_EQ(before, to.lines(job_["job_id"]));
}

TEST_P(Import, RefusesJobsThatGoOn) {
  job_ = from.running_job("a");
  EXPECT_EQ("E_INVALID_REQUEST", to.error("ImportJob", params(lines())));
  EXPECT_EQ("E_NOT_FOUND", page_error());
}

TEST_P(Import, RefusesEventsOutOfOrder) {
  finish_job(3);
  auto all = lines();
  std::swap(all[2], all[3]);
  EXPECT_EQ("E_INVALID_REQUEST", to.error("ImportJob", params(all)));
  all = lines();
  all.push_back(all.back());
  EXPECT_EQ("", to.error("ImportJob", params(all)));  // a repeated line is one line
  EXPECT_EQ(lines(), to.lines(job_["job_id"]));
}

TEST_P(Import, RefusesWhatIsNotTheLogOfItsDigest) {
  finish_job();
  auto all = lines();
  std::string& output = all[all.size() - 2];
  output.replace(output.find("last"), 4, "lost");
  EXPECT_EQ("E_INVALID_REQUEST", to.error("ImportJob", params(all)));
  all[2] = "no event line";
  EXPECT_EQ("E_INVALID_REQUEST", to.error("ImportJob", params(all)));
}

TEST_P(Import, RefusesRecordsOfAnotherShape) {
  finish_job();
  for (const char* key :
       {"tool_id", "executor", "cwd", "run_id", "log_id", "digest", "task", "timeout_s"}) {
    Json piece = params(lines());
    piece["record"][key] = Json::array();
    EXPECT_EQ("E_INVALID_REQUEST", to.error("ImportJob", piece)) << key;
  }
  EXPECT_TRUE(to.call("ListJobs", Json::object())["jobs"].empty());
}

TEST_P(Import, RefusesIdsThatNoFollowerCouldSubscribeTo) {
  finish_job();
  Json piece = params(lines());
  piece["job_id"] = "a\nb";
  EXPECT_EQ("E_INVALID_REQUEST", to.error("ImportJob", piece));
}

TEST_P(Import, APieceThatIsTooLargeHarmsNobodyElse) {
  job_ = from.running_job("a");
  const Json big = log_event(std::string(60'000, 'x'));
  for (int i = 1; i <= 9; ++i) from.append(job_, i, {big});
  EXPECT_EQ("E_TOO_LARGE", to.error("ImportJob", params(lines(), false)));
}

TEST_P(Import, ATrimmedLogBeginsWhereItBegan) {
  finish_job(5);
  from.call("TrimJob", {{"job_id", job_["job_id"]}, {"keep_from_seq", 5}});
  const Json before = status(from);
  to.call("ImportJob", params(from.lines(job_["job_id"], 4)));
  EXPECT_EQ(before, status(to));
  EXPECT_EQ("E_COMPACTED", page_error());
  EXPECT_EQ(from.lines(job_["job_id"], 4), to.lines(job_["job_id"], 4));
}

TEST_P(Import, TheRequestThatMadeTheJobStillNamesIt) {
  finish_job();
  to.call("ImportJob", params(lines()));
  const Json again = to.call("SubmitJob", {{"idempotency_key", "a"}, {"executor", "external"}});
  EXPECT_EQ(true, again["replayed"]);
  EXPECT_EQ(job_["log_id"], again["log_id"]);
}

TEST_P(Import, WhatWasNotEndedIsForgottenAtTheNextStart) {
  if (GetParam() == "store-memory") GTEST_SKIP() << "a memory store begins empty";
  finish_job();
  const auto all = lines();
  to.call("ImportJob", params({all[0], all[1]}, false));
  to.scheduler->recover([](const std::string&, const JobHead&) {});
  EXPECT_EQ("E_INVALID_REQUEST", to.error("ImportJob", later({all[2]}, false)));
  to.call("ImportJob", params(all));
  EXPECT_EQ(all, to.lines(job_["job_id"]));
}

}  // namespace
}  // namespace domed::test
