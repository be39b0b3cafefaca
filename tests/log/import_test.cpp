#include <gtest/gtest.h>

#include "base/units.h"
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
  // All but what only a copy has.
  Json told(Kernel& kernel) {
    Json out = status(kernel);
    EXPECT_TRUE(out["imported"].contains("at")) << out;
    out.erase("imported");
    return out;
  }
  // Imports "lines" and a record that is changed so.
  std::string error_with(const Json& changes) {
    Json piece = params(lines());
    piece["record"].merge_patch(changes);
    return to.error("ImportJob", piece);
  }
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
  EXPECT_EQ(status(from), told(to));
}

TEST_P(Import, KeepsWhereTheRunWas) {
  job_ = from.call("SubmitJob", {{"idempotency_key", "a"}, {"command", {"true"}}});
  from.journal->run(job_["job_id"], [](JobLog& log) {
    log.assign("node-0", "other");
    log.take_back();
    log.assign("node-1", "t");
  });
  job_["producer_token"] = "t";
  from.append(job_, 1, {change_to("running")});
  from.append(job_, 2, {log_event("x"), change_to("succeeded")});
  EXPECT_EQ("node-1", status(from)["node"]);
  EXPECT_EQ("E_INVALID_REQUEST", error_with({{"node", "node-0"}}));
  for (const std::uint64_t first : {3, 7}) {  // of which the one tells, and the other does not
    from.call("TrimJob", {{"job_id", job_["job_id"]}, {"keep_from_seq", first}});
    Kernel kernel(GetParam(), to_dir.path() / std::to_string(first));
    kernel.call("ImportJob", params(lines()));
    EXPECT_EQ(status(from), told(kernel)) << "from " << first;
  }
}

// The lines of a time without a daemon, and a record whose times are theirs.
TEST_P(Import, KeepsWhenEventsHappened) {
  job_ = from.call("SubmitJob",
                   {{"idempotency_key", "a"}, {"executor", "external"}, {"expires_s", 9}});
  const std::int64_t t = from.environment.time - 60'000'000;
  const auto with = [&](Json event, std::int64_t time) {
    event["t"] = time;
    return event;
  };
  from.append(job_, 1, {with(change_to("running"), t)});
  from.append(job_, 2, {with(log_event("x"), t + 1), with(change_to("succeeded"), t + 2)});
  ASSERT_NE(std::string::npos, lines().back().find(R"("t":)" + std::to_string(t + 2)));
  EXPECT_EQ(Json(format_time(t)), status(from)["started_at"]);
  EXPECT_EQ("E_INVALID_REQUEST", error_with({{"started_at", format_time(t + 1)}}));
  EXPECT_EQ("E_INVALID_REQUEST", error_with({{"ended_at", format_time(t + 1)}}));
  EXPECT_EQ(status(from)["digest"], to.call("ImportJob", params(lines()))["digest"]);
  EXPECT_EQ(lines(), to.lines(job_["job_id"]));
  EXPECT_EQ(status(from), told(to));
}

// What is left of a log may begin at the start of the run, which the record tells of too.
TEST_P(Import, KeepsWhenATrimmedLogsRunBegan) {
  job_ = from.call("SubmitJob", {{"idempotency_key", "a"}, {"executor", "external"}});
  Json running = change_to("running");
  running["t"] = from.environment.time - 60'000'000;
  from.append(job_, 1, {running});
  from.append(job_, 2, {change_to("succeeded")});
  for (const std::uint64_t keep : {3u, 4u}) {
    from.call("TrimJob", {{"job_id", job_["job_id"]}, {"keep_from_seq", keep}});
    Kernel other("store-memory", to_dir.path());
    EXPECT_EQ("", other.error("ImportJob", params(lines()))) << keep;
    EXPECT_EQ(status(from), told(other));
  }
}

TEST_P(Import, IsOfATimeBefore1970Too) {
  from.environment.time = -86'400'000'000;
  finish_job();
  EXPECT_TRUE(lines()[0].find("1969-12-31T00:00:00.00") != std::string::npos) << lines()[0];
  to.call("ImportJob", params(lines()));
  EXPECT_EQ(status(from), told(to));
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
                                   {"env", {{"SECRET", "s"}}},
                                   {"priority", 3},
                                   {"queue", "default"},
                                   {"retry", {{"max_attempts", 2}}},
                                   {"not_before", "2026-01-31T00:00:00Z"},
                                   {"stdin", input}});
    from.call("CancelJob", {{"job_id", job_["job_id"]}});
    to.call("ImportJob", params(lines()));
    EXPECT_EQ(status(from), told(to));
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
  for (const char* key : {"depends_on", "retry_of"}) {
    Json other{{"idempotency_key", key}, {"command", {"true"}}, {key, job_["job_id"]}};
    if (key == std::string("depends_on")) other[key] = Json::array({job_["job_id"]});
    EXPECT_NE("", to.error("SubmitJob", other)) << key;
  }
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
  EXPECT_EQ(before, told(to));
  EXPECT_EQ("E_COMPACTED", page_error());
  EXPECT_EQ(from.lines(job_["job_id"], 4), to.lines(job_["job_id"], 4));
}

TEST_P(Import, AnswersARequestOnlyWhereThatIsAccepted) {
  finish_job();
  to.call("ImportJob", params(lines()));
  Json request{{"idempotency_key", "a"}, {"executor", "external"}};
  const Json refused = to.request("SubmitJob", request)["error"]["data"];
  EXPECT_EQ("E_IDEMPOTENCY_KEY_REUSED", refused["error"]);
  EXPECT_EQ(true, refused["imported"]);
  EXPECT_EQ(job_["job_id"], refused["job_id"]);
  request["accept_imported"] = true;
  const Json again = to.call("SubmitJob", request);
  EXPECT_EQ(true, again["replayed"]);
  EXPECT_EQ(job_["log_id"], again["log_id"]);
  request["cwd"] = "/elsewhere";
  EXPECT_EQ(true, to.request("SubmitJob", request)["error"]["data"]["imported"]);
}

TEST_P(Import, AcceptingOneIsNoOtherRequest) {
  Json request{{"idempotency_key", "a"}, {"executor", "external"}};
  const Json first = to.call("SubmitJob", request);
  request["accept_imported"] = true;
  EXPECT_EQ(first["job_id"], to.call("SubmitJob", request)["job_id"]);
}

TEST_P(Import, RefusesWhatTheRecordSaysOtherwiseThanTheEvents) {
  finish_job(2);
  for (const Json& wrong : std::vector<Json>{{{"state", "failed"}},
                                             {{"reason", "exit"}},
                                             {{"message", "x"}},
                                             {{"exit_code", 0}},
                                             {{"signal", 9}},
                                             {{"head_seq", 99}},
                                             {{"as_of_seq", 2}},
                                             {{"first_seq", 2}},
                                             {{"digest", std::string(64, '0')}},
                                             {{"request_hash", "x"}},
                                             {{"created_at", "2026-01-01T00:00:00.000000Z"}},
                                             {{"started_at", "2026-01-01T00:00:00.000000Z"}},
                                             {{"ended_at", "2026-01-01T00:00:00.000000Z"}},
                                             {{"cancel_requested", true}},
                                             {{"streams", {{"stdout", {{"bytes", 1}}}}}},
                                             {{"streams", {{"stderr", Json::object()}}}},
                                             {{"streams", nullptr}, {"state", "running"}}})
    EXPECT_EQ("E_INVALID_REQUEST", error_with(wrong)) << wrong;
  EXPECT_EQ("", error_with(Json::object()));
}

TEST_P(Import, RefusesAnEndWhoseTotalsAreNotThoseOfItsLines) {
  finish_job(2);
  for (const auto& [was, is] : std::vector<std::pair<std::string, std::string>>{
           {R"("bytes":10)", R"("bytes":11)"},
           {R"("lines":2)", R"("lines":1)"},
           {R"("dropped":0)", R"("dropped":3)"},
           {R"("sha256":")", R"("sha256":"0)"},
           {R"("from":"running")", R"("from":"queued")"},
           {R"({"stdout")", R"({"stderr")"}}) {
    Json piece = params(lines());
    piece["record"].erase("digest"), piece["record"].erase("streams");
    auto end = piece["events"].back().get<std::string>();
    ASSERT_NE(std::string::npos, end.find(was)) << end;
    piece["events"].back() = end.replace(end.find(was), was.size(), is);
    EXPECT_EQ("E_INVALID_REQUEST", to.error("ImportJob", piece)) << was;
  }
}

TEST_P(Import, RefusesOutputOfAJobThatDoesNotRun) {
  finish_job();
  auto all = lines();
  all.erase(all.begin() + 1, all.end() - 2);  // provenance, running
  std::string& output = all[1];
  output.replace(output.find("\"seq\":"), 8, "\"seq\":2 ").erase(output.find("2 ") + 1, 1);
  EXPECT_EQ("E_INVALID_REQUEST", to.error("ImportJob", params(all)));
}

TEST_P(Import, ATrimmedLogMayStillHoldItsStart) {
  finish_job();
  from.call("TrimJob", {{"job_id", job_["job_id"]}, {"keep_from_seq", 2}});
  to.call("ImportJob", params(from.lines(job_["job_id"], 1)));
  EXPECT_EQ(status(from), told(to));
}

TEST_P(Import, ATrimmedLogEndsWithNoLessThanItHolds) {
  finish_job(3);
  from.call("TrimJob", {{"job_id", job_["job_id"]}, {"keep_from_seq", 4}});
  Json piece = params(from.lines(job_["job_id"], 3));
  piece["record"].erase("digest"), piece["record"].erase("streams");
  auto end = piece["events"].back().get<std::string>();
  piece["events"].back() = end.replace(end.find(R"("lines":3)"), 9, R"("lines":0)");
  EXPECT_EQ("E_INVALID_REQUEST", to.error("ImportJob", piece));
}

TEST_P(Import, ARetryIsARunOfTheSameRequestOrRefused) {
  const auto imported = [&](const Json& request) {
    job_ = from.call("SubmitJob", request);
    from.call("CancelJob", {{"job_id", job_["job_id"]}});
    to.call("ImportJob", params(lines()));
    return to.request("RetryJob",
                      {{"job_id", job_["job_id"]},
                       {"idempotency_key", "again " + job_["job_id"].get<std::string>()}});
  };
  const Json good =
      imported({{"idempotency_key", "1"}, {"command", {"true"}}, {"priority", 3}, {"cwd", "/"}});
  const Json again = to.call("GetJobStatus", {{"job_id", good["result"]["job_id"]}});
  EXPECT_EQ("queued", again["state"]);
  EXPECT_EQ(3, again["priority"]);
  EXPECT_FALSE(again.contains("imported"));
  for (const Json& lost :
       std::vector<Json>{{{"env", {{"A", "b"}}}}, {{"stdin", {{"b64", "YQ=="}}}}}) {
    Json request{{"idempotency_key", lost.dump()}, {"command", {"true"}}};
    request.update(lost);
    const Json refused = imported(request)["error"];
    EXPECT_EQ("E_INVALID_REQUEST", refused["data"]["error"]);
    EXPECT_NE(std::string::npos,
              refused["message"].get<std::string>().find("was imported without"));
  }
}

TEST_P(Import, TheMarkStandsInTheRecord) {
  finish_job();
  to.call("ImportJob", params(lines()));
  const Json mark =
      JobFixed::decode(to.store->find(job_["job_id"].get<std::string>())->fixed).imported;
  EXPECT_EQ(status(to)["imported"], mark);
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
