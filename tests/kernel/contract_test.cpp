// The clauses of docs/contract.md that need neither sockets nor processes, each
// under its name, on every store of ours.
#include <future>

#include "base/units.h"
#include "log/token.h"
#include "protocol/limits.h"
#include "support/harness.h"

namespace domed::test {
namespace {

class Contract : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { kernel = std::make_unique<Kernel>(GetParam(), scratch.path()); }
  void reopen() {
    kernel.reset();
    kernel = std::make_unique<Kernel>(GetParam(), scratch.path());
  }
  bool durable() const { return kernel->store->durability() != Durability::none; }
  Json page(const Json& job, Json more = Json::object()) {
    more["job_id"] = job["job_id"];
    return kernel->call("StreamJobEvents", more);
  }
  std::string page_error(const Json& job, Json more) {
    more["job_id"] = job["job_id"];
    return kernel->error("StreamJobEvents", more);
  }
  static std::string name_of(const Json& reply) {
    return reply.contains("error") ? reply["error"]["data"]["error"].get<std::string>() : "";
  }

  Scratch scratch;
  std::unique_ptr<Kernel> kernel;
};

TEST_P(Contract, Contiguous) {
  const Json job = kernel->running_job("a");
  for (int batch = 1; batch <= 20; ++batch)
    kernel->append(job, batch, Json(static_cast<std::size_t>(batch), log_event("x")));
  std::uint64_t expected = 0;
  const Json events = page(job)["events"];
  for (const auto& event : events) EXPECT_EQ(++expected, event["seq"]);
  EXPECT_EQ(3u + 210u, expected);
}

TEST_P(Contract, Durable) {
  const Json job = kernel->running_job("a");
  kernel->append(job, 1, {log_event("kept")});
  if (!durable()) GTEST_SKIP() << "this store declares durability none";
  const auto before = kernel->lines(job["job_id"]);
  reopen();
  EXPECT_EQ(before, kernel->lines(job["job_id"]));
}

TEST_P(Contract, Immutable) {
  const Json job = kernel->running_job("a");
  const auto before = kernel->lines(job["job_id"]);
  kernel->append(job, 1, {log_event("more")});
  kernel->call("CancelJob", {{"job_id", job["job_id"]}});
  const auto after = kernel->lines(job["job_id"]);
  EXPECT_EQ(before, std::vector<std::string>(after.begin(),
                                             after.begin() + static_cast<long>(before.size())));
}

TEST_P(Contract, Identity) {
  const Json a = kernel->running_job("a"), b = kernel->running_job("b");
  EXPECT_EQ(32u, a["log_id"].get<std::string>().size());
  EXPECT_NE(a["log_id"], b["log_id"]);
  if (!durable()) return;
  reopen();
  EXPECT_EQ(a["log_id"], page(a)["log_id"]);
}

TEST_P(Contract, ARepeatedDeleteGivesTheTombstoneAgain) {
  const Json job = kernel->running_job("a");
  kernel->append(job, 1, {change_to("failed")});
  const Json first = kernel->call("DeleteJob", {{"job_id", job["job_id"]}});
  EXPECT_EQ(first, kernel->call("DeleteJob", {{"job_id", job["job_id"]}}));
}

TEST_P(Contract, AnyStringIsAPossibleJobId) {
  for (const std::string& id : {std::string(), std::string(100'000, 'x'), std::string("../..")}) {
    EXPECT_EQ("E_NOT_FOUND", kernel->error("StreamJobEvents", {{"job_id", id}}));
    EXPECT_EQ("E_NOT_FOUND", kernel->error("GetJobStatus", {{"job_id", id}}));
    EXPECT_EQ("E_NOT_FOUND", kernel->error("CancelJob", {{"job_id", id}}));
  }
}

TEST_P(Contract, TotalsOfManyGigabytesDroppedAreTaken) {
  const Json job = kernel->running_job("a");
  const Json end{{"type", "stream_end"},
                 {"payload", {{"stream", "stdout"}, {"dropped", 5'000'000'000}}}};
  kernel->append(job, 1, {log_event("x"), end, change_to("succeeded")});
  const Json status = kernel->call("GetJobStatus", {{"job_id", job["job_id"]}});
  EXPECT_EQ(5'000'000'000, status["streams"]["stdout"]["dropped"]);
}

TEST_P(Contract, Digest) {
  const Json job = kernel->running_job("a");
  kernel->append(job, 1, {log_event("one"), log_event("two")});
  Digest digest = base_of(job["log_id"].get<std::string>());
  for (const auto& line : kernel->lines(job["job_id"])) digest = chain(digest, line);
  EXPECT_EQ(Json(to_hex(digest)),
            kernel->call("GetJobStatus", {{"job_id", job["job_id"]}})["digest"]);
}

TEST_P(Contract, DigestOfATrimmedLogContinuesFromItsBase) {
  const Json job = kernel->running_job("a");
  kernel->append(job, 1, Json(50, log_event("x")));
  const Json before = kernel->call("GetJobStatus", {{"job_id", job["job_id"]}});
  EXPECT_EQ(
      20, kernel->call("TrimJob", {{"job_id", job["job_id"]}, {"keep_from_seq", 20}})["first_seq"]);
  const Json after = kernel->call("GetJobStatus", {{"job_id", job["job_id"]}});
  EXPECT_EQ(before["digest"], after["digest"]);
  Digest digest{};
  std::string base;
  ASSERT_EQ(64u, after["base_digest"].get<std::string>().size());
  for (int i = 0; i < 32; ++i)
    digest[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(std::stoi(
        after["base_digest"].get<std::string>().substr(static_cast<std::size_t>(2 * i), 2), nullptr,
        16));
  for (const auto& line : kernel->lines(job["job_id"])) digest = chain(digest, line);
  EXPECT_EQ(after["digest"], to_hex(digest));
}

TEST_P(Contract, StateIsEvents) {
  const Json job = kernel->running_job("a");
  const Json events = page(job)["events"];
  EXPECT_EQ("queued", events[0]["payload"]["to"]);
  EXPECT_EQ("provenance", events[1]["type"]);
  EXPECT_EQ("running", events[2]["payload"]["to"]);
  const Json status = kernel->call("GetJobStatus", {{"job_id", job["job_id"]}});
  EXPECT_EQ("running", status["state"]);
  EXPECT_EQ(3, status["as_of_seq"]);
  EXPECT_EQ(events[1]["payload"], status["provenance"]);
}

TEST_P(Contract, Forward) {
  const Json job = kernel->call("SubmitJob", {{"idempotency_key", "a"}, {"executor", "external"}});
  EXPECT_EQ("E_INVALID_TRANSITION", name_of(kernel->append(job, 1, {change_to("succeeded")})));
  EXPECT_EQ("E_INVALID_TRANSITION", name_of(kernel->append(job, 1, {log_event("early")})));
  EXPECT_EQ("E_INVALID_REQUEST", name_of(kernel->append(job, 1, {change_to("queued")})));
  EXPECT_EQ("", name_of(kernel->append(job, 1, {change_to("running")})));
  EXPECT_EQ("E_INVALID_TRANSITION", name_of(kernel->append(job, 2, {change_to("running")})));
  EXPECT_EQ("E_INVALID_TRANSITION",
            name_of(kernel->append(job, 2, {change_to("failed"), log_event("late")})));
  EXPECT_EQ(3, kernel->call("GetJobStatus", {{"job_id", job["job_id"]}})["head_seq"]);
}

TEST_P(Contract, TerminalLast) {
  const Json job = kernel->running_job("a");
  Json end = change_to("failed");
  end["payload"].update({{"reason", "exit"}, {"exit_code", 3}});
  kernel->append(job, 1, {log_event("abc"), log_event("d", false), end});
  EXPECT_EQ("E_SEALED", name_of(kernel->append(job, 2, {log_event("late")})));
  const Json last = page(job)["events"].back();
  EXPECT_EQ(
      Json::parse(
          R"({"from":"running","to":"failed","reason":"exit","exit_code":3,"streams":{"stdout":)"
          R"({"bytes":5,"lines":1,"dropped":0,"sha256":")" +
          sha256_hex("abc\nd") + R"("}}})"),
      last["payload"]);
}

TEST_P(Contract, CancelOfAQueuedJobIsOneCommit) {
  const Json job = kernel->call("SubmitJob", {{"idempotency_key", "a"}, {"executor", "external"}});
  EXPECT_EQ("canceled", kernel->call("CancelJob", {{"job_id", job["job_id"]}})["state"]);
  EXPECT_EQ(true, kernel->call("CancelJob", {{"job_id", job["job_id"]}})["already_terminal"]);
  const Json events = page(job)["events"];
  ASSERT_EQ(3u, events.size());
  EXPECT_EQ("cancel_requested", events[1]["type"]);
  EXPECT_EQ(events[1]["seq"].get<int>() + 1, events[2]["seq"]);
}

TEST_P(Contract, CancelTakesTheLongestReason) {
  const Json job =
      kernel->call("SubmitJob", {{"idempotency_key", "long"}, {"executor", "external"}});
  const Json params{{"job_id", job["job_id"]}, {"reason", std::string(4096, 'r')}};
  EXPECT_EQ("canceled", kernel->call("CancelJob", params)["state"]);
}

TEST_P(Contract, CancelOfARunningJobIsARequestMadeOnce) {
  const Json job = kernel->running_job("a");
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ("running", kernel->call("CancelJob", {{"job_id", job["job_id"]}})["state"]);
  EXPECT_EQ(4u, page(job)["events"].size());
  EXPECT_EQ(true, kernel->append(job, 1, Json::array())["result"]["cancel_requested"]);
  EXPECT_EQ("", name_of(kernel->append(job, 1, {change_to("succeeded")})));
  EXPECT_EQ("succeeded", kernel->call("CancelJob", {{"job_id", job["job_id"]}})["state"]);
}

TEST_P(Contract, ARetryMayHaveOtherVariables) {
  const Json env{{"KEPT", "1"}, {"OTHER", "2"}, {"GONE", "3"}};
  const Json job = kernel->call(
      "SubmitJob", {{"idempotency_key", "a"}, {"command", {"true"}}, {"env", env}, {"hold", true}});
  kernel->call("CancelJob", {{"job_id", job["job_id"]}});
  const Json other{{"OTHER", "x"}, {"GONE", nullptr}, {"NEW", "y"}};
  const Json params{{"job_id", job["job_id"]}, {"idempotency_key", "b"}, {"env", other}};
  const Json again = kernel->call("RetryJob", params);
  EXPECT_EQ(again["job_id"], kernel->call("RetryJob", params)["job_id"]) << "its reply was lost";
  const auto record = kernel->store->find(again["job_id"].get<std::string>());
  EXPECT_EQ((Json{{"KEPT", "1"}, {"OTHER", "x"}, {"NEW", "y"}}), fixed_of(*record).request["env"]);
  EXPECT_EQ("E_INVALID_REQUEST", kernel->error("RetryJob", {{"job_id", job["job_id"]},
                                                            {"idempotency_key", "c"},
                                                            {"env", {{"A", 1}}}}));
}

TEST_P(Contract, PauseOfARunningCommandIsAnEventMadeOnce) {
  submit(*kernel->journal, "a", {{"command", {"true"}}});
  kernel->journal->run("a", [](JobLog& log) { log.assign("node-1", "t"); });
  const Json job{{"job_id", "a"}, {"producer_token", "t"}};
  EXPECT_EQ("E_INVALID_TRANSITION", kernel->error("PauseJob", {{"job_id", "a"}})) << "queued";
  ASSERT_EQ("", name_of(kernel->append(job, 1, {change_to("running")})));
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(true, kernel->call("PauseJob", {{"job_id", "a"}, {"reason", "r"}})["paused"]);
  EXPECT_EQ(true, kernel->append(job, 1, Json::array())["result"]["paused"]);
  EXPECT_EQ(true, kernel->call("GetJobStatus", {{"job_id", "a"}})["paused"]);
  if (durable()) reopen();
  EXPECT_EQ("", name_of(kernel->append(job, 2, {log_event("written before")})));
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(false, kernel->call("ResumeJob", {{"job_id", "a"}})["paused"]);
  EXPECT_FALSE(kernel->append(job, 2, Json::array())["result"].contains("paused"));
  const Json status = kernel->call("GetJobStatus", {{"job_id", "a"}});
  EXPECT_FALSE(status.contains("paused"));
  EXPECT_EQ(true, status["was_paused"]);
  std::string types;
  const Json events = page(job)["events"];
  for (const auto& event : events) types += event["type"].get<std::string>() + " ";
  EXPECT_EQ("state_change assigned provenance state_change paused log resumed ", types);
}

TEST_P(Contract, PauseIsOverWithTheJob) {
  submit(*kernel->journal, "a", {{"command", {"true"}}});
  kernel->journal->run("a", [](JobLog& log) { log.assign("node-1", "t"); });
  const Json job{{"job_id", "a"}, {"producer_token", "t"}};
  kernel->append(job, 1, {change_to("running")});
  kernel->call("PauseJob", {{"job_id", "a"}});
  kernel->call("CancelJob", {{"job_id", "a"}});
  EXPECT_EQ(true, kernel->call("ResumeJob", {{"job_id", "a"}}).contains("paused"));
  EXPECT_EQ("E_INVALID_TRANSITION", kernel->error("PauseJob", {{"job_id", "a"}})) << "it is to end";
  EXPECT_EQ("", name_of(kernel->append(job, 2, {change_to("canceled")})));
  EXPECT_FALSE(kernel->call("GetJobStatus", {{"job_id", "a"}}).contains("paused"));
  EXPECT_EQ("E_INVALID_TRANSITION", kernel->error("ResumeJob", {{"job_id", "a"}}));
}

TEST_P(Contract, PauseIsForCommandsOfOurs) {
  const Json job = kernel->running_job("a");
  EXPECT_EQ("E_INVALID_TRANSITION", kernel->error("PauseJob", {{"job_id", job["job_id"]}}));
  EXPECT_EQ(3u, page(job)["events"].size());
}

TEST_P(Contract, Snapshot) {
  const Json job = kernel->running_job("a");
  kernel->append(job, 1, Json(30, log_event("x")));
  std::uint64_t cursor = 0;
  for (bool more = true; more;) {
    const Json one = page(job, {{"since_seq", cursor}, {"max_events", 7}});
    for (const auto& event : one["events"]) EXPECT_EQ(++cursor, event["seq"]);
    more = one["more"];
    EXPECT_EQ(33, one["head_seq"]);
    EXPECT_EQ(false, one["final"]);
  }
  EXPECT_EQ(33u, cursor);
}

TEST_P(Contract, SnapshotPagesStayBelowTheirBytesButForOneEvent) {
  const Json job = kernel->running_job("a");
  kernel->append(job, 1, {log_event(std::string(5000, 'x')), log_event("y")});
  EXPECT_EQ(1u, page(job, {{"since_seq", 3}, {"max_bytes", 1}})["events"].size());
}

TEST_P(Contract, LinesAreTheBytesThatTheDigestIsOf) {
  const Json job = kernel->running_job("a");
  kernel->append(job, 1, {log_event("a \"quoted\" \\ \xc3\xa4")});
  const Json got = page(job, {{"lines", true}});
  EXPECT_EQ(kernel->lines(job["job_id"]), got["events"].get<std::vector<std::string>>());
  EXPECT_EQ(false, got["more"]);
}

TEST_P(Contract, LinesStayBelowTheirBytesAsTheyAreSent) {
  const Json job = kernel->running_job("a");
  kernel->append(job, 1, {log_event(std::string(1500, '"')), log_event(std::string(1500, '"'))});
  Json all = Json::array();
  for (std::uint64_t since = 0;;) {
    const Json got = page(job, {{"lines", true}, {"since_seq", since}, {"max_bytes", 4096}});
    EXPECT_TRUE(got["events"].size() == 1 || got["events"].dump().size() - 2 <= 4096);
    since += got["events"].size();
    all.insert(all.end(), got["events"].begin(), got["events"].end());
    if (got["more"] == false) break;
  }
  EXPECT_EQ(kernel->lines(job["job_id"]), all.get<std::vector<std::string>>());
}

TEST_P(Contract, TailPollIsAnsweredByTheNextCommit) {
  const Json job = kernel->running_job("a");
  auto reply = std::async([&] { return page(job, {{"since_seq", 3}, {"wait_ms", 10000}}); });
  kernel->append(job, 1, {log_event("new")});
  EXPECT_EQ(4, reply.get()["events"][0]["seq"]);
}

TEST_P(Contract, TailEndsAtTheTerminalEvent) {
  const Json job = kernel->running_job("a");
  auto reply = std::async([&] { return page(job, {{"since_seq", 3}, {"wait_ms", 10000}}); });
  kernel->append(job, 1, {change_to("succeeded")});
  EXPECT_EQ(true, reply.get()["final"]);
  const Json after = page(job, {{"since_seq", 4}, {"wait_ms", 10000}});
  EXPECT_EQ(true, after["final"]);
  EXPECT_TRUE(after["events"].empty());
}

TEST_P(Contract, TrimLeavesTheNewestEvent) {
  const Json job = kernel->running_job("a");
  EXPECT_EQ("E_CURSOR_AHEAD",
            kernel->error("TrimJob", {{"job_id", job["job_id"]}, {"keep_from_seq", 4}}));
  kernel->call("TrimJob", {{"job_id", job["job_id"]}, {"keep_from_seq", 3}});
  EXPECT_EQ(1u, kernel->lines(job["job_id"], 2).size());
}

// The record is written with each commit that changes it.
TEST_P(Contract, ArtifactsOfAStatusAreBounded) {
  const Json job = kernel->running_job("a");
  const Json payload{
      {"kind", "k"}, {"path", std::string(30'000, 'p')}, {"sha256", std::string(64, 'a')}};
  const Json events(4, Json{{"type", "artifact"}, {"payload", payload}});
  kernel->append(job, 1, events);
  EXPECT_EQ(2u, kernel->call("GetJobStatus", {{"job_id", job["job_id"]}})["artifacts"].size());
  EXPECT_EQ(4u, kernel->lines(job["job_id"], 3).size());
}

TEST_P(Contract, ExternalJobsHaveNoCommandOfOurs) {
  for (const char* key : {"timeout_s", "limits", "tty"}) {
    Json params{{"idempotency_key", "e"}, {"executor", "external"}};
    params[key] = std::string(key) == "timeout_s" ? Json(5) : Json{{"rows", 1}, {"columns", 1}};
    if (std::string(key) == "limits") params[key] = Json{{"cpu", 1}};
    EXPECT_EQ("E_INVALID_REQUEST", kernel->error("SubmitJob", params)) << key;
  }
}

TEST_P(Contract, LoudLoss) {
  const Json job = kernel->running_job("a");
  EXPECT_EQ("E_NOT_FOUND", kernel->error("StreamJobEvents", {{"job_id", "nobody"}}));
  EXPECT_EQ("E_CURSOR_AHEAD", page_error(job, {{"since_seq", 4}, {"wait_ms", 10000}}));
  EXPECT_EQ("E_LOG_CHANGED", page_error(job, {{"log_id", "other"}, {"since_seq", 99}}));
  kernel->call("TrimJob", {{"job_id", job["job_id"]}, {"keep_from_seq", 3}});
  EXPECT_EQ("E_COMPACTED", page_error(job, {{"since_seq", 1}}));
  EXPECT_EQ("", page_error(job, {{"since_seq", 2}}));
  EXPECT_EQ("E_INVALID_TRANSITION", kernel->error("DeleteJob", {{"job_id", job["job_id"]}}));
  kernel->append(job, 1, {change_to("succeeded")});
  kernel->call("DeleteJob", {{"job_id", job["job_id"]}});
  const Json gone =
      kernel->request("StreamJobEvents", {{"job_id", job["job_id"]}})["error"]["data"];
  EXPECT_EQ(Json::parse(R"({"error":"E_GONE","retryable":false,"state":"succeeded","head":4})"),
            gone);
}

TEST_P(Contract, IdempotentSubmit) {
  const Json request{{"idempotency_key", "k"}, {"executor", "external"}, {"labels", {{"a", "b"}}}};
  const Json first = kernel->call("SubmitJob", request);
  Json again = kernel->call("SubmitJob", request);
  EXPECT_EQ(true, again["replayed"]);
  again["replayed"] = false;
  EXPECT_EQ(first, again);
  Json other = request;
  other["labels"]["a"] = "c";
  EXPECT_EQ("E_IDEMPOTENCY_KEY_REUSED", kernel->error("SubmitJob", other));
  other["client_id"] = "someone else";
  EXPECT_NE(first["job_id"], kernel->call("SubmitJob", other)["job_id"]);
}

TEST_P(Contract, IdempotentSubmitKnowsTombstones) {
  const Json request{{"idempotency_key", "k"}, {"executor", "external"}};
  const Json job = kernel->call("SubmitJob", request);
  kernel->call("CancelJob", {{"job_id", job["job_id"]}});
  kernel->call("DeleteJob", {{"job_id", job["job_id"]}});
  EXPECT_EQ("E_GONE", kernel->error("SubmitJob", request));
  Json other = request;
  other["profile"] = "x";
  EXPECT_EQ("E_IDEMPOTENCY_KEY_REUSED", kernel->error("SubmitJob", other));
}

TEST_P(Contract, IdempotentAppend) {
  const Json job = kernel->running_job("a");
  const Json first = kernel->append(job, 1, {log_event("x")})["result"];
  kernel->append(job, 2, {log_event("y")});
  Json again = kernel->append(job, 1, {log_event("x")})["result"];
  EXPECT_EQ(true, again["replayed"]);
  EXPECT_EQ(first["first_seq"], again["first_seq"]);
  EXPECT_EQ("E_BATCH_MISMATCH", name_of(kernel->append(job, 1, {log_event("z")})));
  EXPECT_EQ("E_INVALID_REQUEST",
            name_of(kernel->append(job, 3, {{{"type", "log"}, {"payload", Json::object()}}})));
  EXPECT_EQ(6, kernel->append(job, 3, {log_event("z")})["result"]["first_seq"]);
}

TEST_P(Contract, IdempotentAppendChecksTheTokenFirst) {
  Json job = kernel->running_job("a");
  kernel->append(job, 1, {change_to("succeeded")});
  job["producer_token"] = "wrong";
  EXPECT_EQ("E_UNAUTHORIZED", name_of(kernel->append(job, 1, {change_to("succeeded")})));
  EXPECT_EQ("E_UNAUTHORIZED", name_of(kernel->append(job, 9, {log_event("x")})));
}

TEST_P(Contract, IdempotentAppendReplaysEvenASealedLog) {
  const Json job = kernel->running_job("a");
  kernel->append(job, 1, {change_to("succeeded")});
  EXPECT_EQ(true, kernel->append(job, 1, {change_to("succeeded")})["result"]["replayed"]);
}

TEST_P(Contract, IdempotentAppendWaitsForAPredecessor) {
  const Json job = kernel->running_job("a");
  auto second = std::async([&] { return kernel->append(job, 2, {log_event("second")}); });
  auto third = std::async([&] { return kernel->append(job, 3, {log_event("third")}); });
  kernel->append(job, 1, {log_event("first")});
  EXPECT_EQ(5, second.get()["result"]["first_seq"]);
  EXPECT_EQ(6, third.get()["result"]["first_seq"]);
}

TEST_P(Contract, IdempotentAppendTellsOfAGap) {
  const Json job = kernel->running_job("a");
  for (const int batch : {2, 1 + static_cast<int>(limits::kBatchesAhead), 1000}) {
    const Json data = kernel->append(job, batch, {log_event("x")})["error"]["data"];
    EXPECT_EQ(Json::parse(R"({"error":"E_BATCH_GAP","retryable":true,"expected":1})"), data);
  }
}

TEST_P(Contract, IdempotentAppendKeeps64OutcomesOverARestart) {
  const Json job = kernel->running_job("a");
  for (int batch = 1; batch <= 70; ++batch)
    kernel->append(job, batch, {log_event(std::to_string(batch))});
  if (durable()) reopen();
  EXPECT_EQ("E_INVALID_REQUEST", name_of(kernel->append(job, 6, {log_event("6")})));
  EXPECT_EQ(10, kernel->append(job, 7, {log_event("7")})["result"]["first_seq"]);
  EXPECT_EQ("E_BATCH_MISMATCH", name_of(kernel->append(job, 70, {log_event("69")})));
}

TEST_P(Contract, IdempotentAppendBoundsProducers) {
  const Json job = kernel->running_job("a");
  for (std::size_t i = 1; i < limits::kProducers; ++i)
    EXPECT_EQ("", name_of(kernel->append(job, 1, {log_event("x")}, "p" + std::to_string(i))));
  EXPECT_EQ("E_TOO_LARGE", name_of(kernel->append(job, 1, {log_event("x")}, "one more")));
  EXPECT_EQ("", name_of(kernel->append(job, 2, {log_event("x")}, "p1")));
}

TEST_P(Contract, RefusedBatchesLeaveNothingBehind) {
  const Json job = kernel->running_job("a");
  const Json artifact{
      {"type", "artifact"},
      {"payload", {{"kind", "file"}, {"path", "p"}, {"sha256", std::string(64, 'a')}}}};
  const Json big = log_event(std::string(limits::kEventBytes, 'x'));
  const Json before = kernel->call("GetJobStatus", {{"job_id", job["job_id"]}});
  EXPECT_EQ("E_TOO_LARGE", name_of(kernel->append(job, 1, {artifact, log_event("x"), big})));
  EXPECT_EQ("E_TOO_LARGE",
            name_of(kernel->append(job, 1, Json(20, log_event(std::string(30000, 'x'))))));
  EXPECT_EQ(before, kernel->call("GetJobStatus", {{"job_id", job["job_id"]}}));
  EXPECT_EQ(4, kernel->append(job, 1, {log_event("x")})["result"]["first_seq"]);
}

TEST_P(Contract, JobTokenAllowsProgressButNoStates) {
  Json job = kernel->running_job("a");
  job["producer_token"] = job_token(job["producer_token"].get<std::string>());
  EXPECT_EQ("E_UNAUTHORIZED", name_of(kernel->append(job, 1, {change_to("succeeded")}, "job")));
  EXPECT_EQ("E_UNAUTHORIZED", name_of(kernel->append(job, 1, {log_event("forged")}, "job")));
  EXPECT_EQ("", name_of(kernel->append(
                    job, 1, {{{"type", "progress"}, {"payload", {{"value", 0.5}}}}}, "job")));
}

TEST_P(Contract, PayloadsStayAsWritten) {
  const Json job = kernel->running_job("a");
  kernel->raw(
      R"({"jsonrpc":"2.0","id":1,"method":"AppendJobEvents","params":{"job_id":)" +
      job["job_id"].dump() + R"(,"producer_id":"p","batch":1,"producer_token":)" +
      job["producer_token"].dump() +
      R"(,"events":[{"payload": { "z" : 1.0, "a":[ 1E2, 123456789012345678901234567890 ], "s":"\u0041 b" } ,"type":"x-test"}]}})");
  EXPECT_NE(
      std::string::npos,
      kernel->lines(job["job_id"])
          .back()
          .find(R"("payload":{"z":1.0,"a":[1E2,123456789012345678901234567890],"s":"\u0041 b"}})"));
}

TEST_P(Contract, TimeNeverDecreasesWithinAJob) {
  const Json job = kernel->running_job("a");
  kernel->environment.time = 1'000'000;  // the clock was set back
  kernel->append(job, 1, {log_event("x")});
  std::string last;
  const Json events = page(job)["events"];
  for (const auto& event : events) {
    EXPECT_LE(last, event["ts"].get<std::string>());
    last = event["ts"];
  }
}

Json at(Json event, std::int64_t t) {
  event["t"] = t;
  return event;
}

TEST_P(Contract, EventsThatHappenedAtAnotherTimeSaySo) {
  const Json job = kernel->running_job("a");
  const std::int64_t t = kernel->environment.time - 10'000'000;
  kernel->append(job, 1, {at(log_event("x"), t), at(change_to("succeeded"), t + 9'950'000)});
  const auto lines = kernel->lines(job["job_id"]);
  const Json first = Json::parse(lines[lines.size() - 2]), last = Json::parse(lines.back());
  EXPECT_EQ(t, first["t"]);
  EXPECT_EQ(t + 9'950'000, last["t"]) << "one that differs is enough for the whole batch";
  EXPECT_EQ(first["ts"], last["ts"]) << "the kernel took them at one time";
  EXPECT_NE(std::string::npos, lines.back().find(R"(Z","t":)" + std::to_string(t + 9'950'000) +
                                                 R"(,"type":"state_change")"));
  const Json status = kernel->call("GetJobStatus", {{"job_id", job["job_id"]}});
  EXPECT_EQ(Json(format_time(t + 9'950'000)), status["ended_at"]);
  EXPECT_LT(status["created_at"], last["ts"]);
}

TEST_P(Contract, EventsThatHappenedJustNowSayNothingOfIt) {
  const Json job = kernel->running_job("a");
  const std::int64_t t = kernel->environment.time;
  const Json reply =
      kernel->append(job, 1, {at(log_event("x"), t - 90'000), at(log_event("y"), t)});
  EXPECT_TRUE(reply.contains("result")) << reply;
  const auto lines = kernel->lines(job["job_id"]);
  EXPECT_FALSE(Json::parse(lines.back()).contains("t"));
  EXPECT_FALSE(Json::parse(lines[lines.size() - 2]).contains("t"));
}

TEST_P(Contract, ABatchWithTimesIsRepeatedAsAnyOther) {
  const Json job = kernel->running_job("a");
  const Json events = {at(log_event("x"), kernel->environment.time - 10'000'000)};
  const Json first = kernel->append(job, 1, events);
  kernel->environment.time += 3600'000'000;
  const Json again = kernel->append(job, 1, events);
  EXPECT_TRUE(again["result"]["replayed"]);
  EXPECT_EQ(first["result"]["head_seq"], again["result"]["head_seq"]);
  EXPECT_EQ("E_BATCH_MISMATCH",
            name_of(kernel->append(job, 1, {at(log_event("x"), kernel->environment.time)})));
  const Json mixed = Json::array({at(log_event("x"), 5), log_event("y")});
  EXPECT_EQ("E_INVALID_REQUEST", name_of(kernel->append(job, 2, mixed)));
}

// A retry, its time and its order go by the kernel's clock, whatever a producer says.
TEST_P(Contract, AProducersClockChangesNothingButWhatIsShown) {
  const Json job = kernel->running_job("a");
  const std::int64_t ahead = kernel->environment.time + 24ll * 3600 * 1'000'000;
  kernel->append(job, 1, {at(change_to("failed"), ahead)});
  const Json events = page(job)["events"];
  std::string last;
  for (const auto& event : events) {
    EXPECT_LE(last, event["ts"].get<std::string>());
    last = event["ts"];
  }
  EXPECT_LT(last, format_time(ahead));
  EXPECT_EQ(Json(format_time(ahead)),
            kernel->call("GetJobStatus", {{"job_id", job["job_id"]}})["ended_at"]);
}

// A machine without a battery begins somewhere around 1970.
TEST_P(Contract, ATimeBefore1970IsATimeLikeAnother) {
  for (const std::int64_t time : {-86'400'000'000ll, -2000ll, -1000ll}) {
    kernel->environment.time = time;  // and the clock goes on through 0
    const std::string key = std::to_string(time);
    const Json job = kernel->running_job(key);
    kernel->append(job, 1, {log_event("x")});
    kernel->append(job, 2, {change_to("succeeded")});
    const Json status = kernel->call("GetJobStatus", {{"job_id", job["job_id"]}});
    for (const char* at : {"created_at", "started_at", "ended_at"})
      EXPECT_TRUE(status.contains(at)) << time << " " << at << " " << status;
    EXPECT_EQ(kernel->call("ListJobs", Json::object())["jobs"][0]["job_id"], job["job_id"]);
  }
  EXPECT_EQ(3u, kernel->call("ListJobs", Json::object())["jobs"].size());
  std::size_t paged = 0, pages = 0;
  Json params{{"limit", 1}};
  for (bool more = true; more; ++pages) {
    const Json some = kernel->call("ListJobs", params);
    ASSERT_LT(pages, 10u);
    paged += some["jobs"].size();
    more = some.contains("next_page");
    if (more) params["page"] = some["next_page"];
  }
  EXPECT_EQ(3u, paged);
}

TEST_P(Contract, HowLongAProducerMayBeSilentIsForExternalJobsOnly) {
  const auto error = [&](const Json& expires, Json more) {
    more["idempotency_key"] = "key " + expires.dump() + more.dump();
    more["expires_s"] = expires;
    return kernel->error("SubmitJob", more);
  };
  const Json external{{"executor", "external"}};
  EXPECT_EQ("", error(1, external));
  EXPECT_EQ("E_INVALID_REQUEST", error(1, {{"command", {"true"}}}));
  for (const Json& bad : {Json(0), Json(-1), Json(1.5), Json("1"), Json(true), Json(100'000'000)})
    EXPECT_EQ("E_INVALID_REQUEST", error(bad, external)) << bad;
  const Json job = kernel->call(
      "SubmitJob", {{"idempotency_key", "a"}, {"executor", "external"}, {"expires_s", 7}});
  EXPECT_EQ(7, kernel->call("GetJobStatus", {{"job_id", job["job_id"]}})["expires_s"]);
  const Json features = kernel->call("ListCapabilities", Json::object())["features"];
  for (const char* name : {"expires_s", "t"})
    EXPECT_NE(features.end(), std::find(features.begin(), features.end(), name)) << name;
}

TEST_P(Contract, StatusTellsTheWholeRequestButNotTheBytesOfStdin) {
  const Json asked{{"task", {{"q", 1}}}, {"constraints", {{"c", true}}},
                   {"profile", "p"},     {"limits", {{"cpu", 10}}},
                   {"timeout_s", 20.5},  {"stdin", {{"b64", "c2VjcmV0"}}}};
  Json params = asked;
  params.update({{"idempotency_key", "k"}, {"command", {"true"}}});
  const Json job = kernel->call("SubmitJob", params);
  const Json status = kernel->call("GetJobStatus", {{"job_id", job["job_id"]}});
  for (const char* key : {"task", "constraints", "profile", "limits", "timeout_s"})
    EXPECT_EQ(asked[key], status.value(key, Json())) << key;
  EXPECT_EQ((Json{{"sha256", sha256_hex("secret")}, {"bytes", 6}}), status.value("stdin", Json()));
  EXPECT_FALSE(status.contains("tty"));
}

TEST_P(Contract, StatusSaysWhyDriftIsNotKnown) {
  const Json job = kernel->running_job("a");
  const auto reason = [&](const Json& of) {
    return kernel->call("GetJobStatus", {{"job_id", of["job_id"]}}).value("drift_reason", "");
  };
  EXPECT_EQ("not looked at yet: the job has not ended", reason(job));
  kernel->append(job, 1, {change_to("succeeded")});
  EXPECT_NE(std::string::npos, reason(job).find("no collector looks at sources"));
  const Json unstarted =
      kernel->call("SubmitJob", {{"idempotency_key", "b"}, {"executor", "external"}});
  EXPECT_EQ("not looked at yet: the job has not ended", reason(unstarted));
  kernel->call("CancelJob", {{"job_id", unstarted["job_id"]}});
  kernel->append(unstarted, 1, {change_to("canceled")});
  EXPECT_EQ("not looked at: the run never started", reason(unstarted));
}

TEST_P(Contract, EnvironmentValuesAreNeverShown) {
  const Json job = kernel->call(
      "SubmitJob",
      {{"idempotency_key", "k"}, {"executor", "external"}, {"env", {{"TOKEN", "s3cret"}}}});
  kernel->append(job, 1, {change_to("running")});
  const std::string shown = kernel->call("GetJobStatus", {{"job_id", job["job_id"]}}).dump() +
                            page(job).dump() + kernel->call("ListJobs", Json::object()).dump();
  EXPECT_EQ(std::string::npos, shown.find("s3cret"));
  EXPECT_NE(std::string::npos, shown.find("TOKEN"));
}

TEST_P(Contract, ListingsAreNewestFirstInPages) {
  for (int i = 0; i < 7; ++i)
    kernel->call("SubmitJob", {{"idempotency_key", std::to_string(i)},
                               {"executor", "external"},
                               {"labels", {{"parity", i % 2 ? "odd" : "even"}}}});
  Json first = kernel->call("ListJobs", {{"limit", 3}, {"label", "parity=even"}});
  ASSERT_EQ(3u, first["jobs"].size());
  Json second = kernel->call(
      "ListJobs", {{"limit", 3}, {"label", "parity=even"}, {"page", first["next_page"]}});
  EXPECT_EQ(1u, second["jobs"].size());
  EXPECT_FALSE(second.contains("next_page"));
  EXPECT_GT(first["jobs"][0]["created_at"], first["jobs"][1]["created_at"]);
}

INSTANTIATE_TEST_SUITE_P(Stores, Contract, ::testing::Values("store-memory", "store-sqlite"),
                         [](const auto& param_info) {
                           return param_info.param == "store-memory" ? "Memory" : "Sqlite";
                         });

// The same operations with a fixed clock and fixed ids give the same bytes.
TEST(ContractParity, Parity) {
  std::vector<std::vector<std::string>> logs;
  std::vector<std::string> states;
  for (const char* plugin : {"store-memory", "store-sqlite"}) {
    Scratch scratch;
    Kernel kernel(plugin, scratch.path());
    const Json job = kernel.running_job("a");
    for (int batch = 1; batch <= 40; ++batch)
      kernel.append(job, batch,
                    Json(static_cast<std::size_t>(1 + batch % 5),
                         log_event("line " + std::to_string(batch))));
    kernel.call("TrimJob", {{"job_id", job["job_id"]}, {"keep_from_seq", 9}});
    kernel.call("CancelJob", {{"job_id", job["job_id"]}, {"reason", "enough"}});
    kernel.append(job, 41, {change_to("canceled")});
    logs.push_back(kernel.lines(job["job_id"], 8));
    states.push_back(kernel.call("GetJobStatus", {{"job_id", job["job_id"]}}).dump());
  }
  EXPECT_EQ(logs[0], logs[1]);
  EXPECT_EQ(states[0], states[1]);
}

}  // namespace
}  // namespace domed::test
