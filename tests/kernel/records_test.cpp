// What the kernel keeps of its own in a store, and how listings go on, on every store of ours.
#include <map>

#include "log/kernels_own.h"
#include "log/records.h"
#include "log/tags.h"
#include "log/token.h"
#include "support/faulty_store.h"
#include "support/harness.h"

namespace domed::test {
namespace {

class Records : public ::testing::TestWithParam<std::string> {
 protected:
  std::vector<std::string> listed(Json params) {
    std::vector<std::string> ids;
    for (;;) {
      const Json page = kernel.call("ListJobs", params);
      for (const auto& job : page["jobs"]) ids.push_back(job["job_id"]);
      if (!page.contains("next_page")) return ids;
      params["page"] = page["next_page"];
    }
  }

  Scratch scratch;
  Kernel kernel{GetParam(), scratch.path()};
};

INSTANTIATE_TEST_SUITE_P(Stores, Records, ::testing::Values("store-memory", "store-sqlite"),
                         [](const auto& param) { return param.param.substr(6); });

TEST_P(Records, OfTheKernelsOwnAreNamedByNoMethod) {
  ASSERT_TRUE(kernel.store->find("domed.store"));
  for (const char* method :
       {"GetJobStatus", "StreamJobEvents", "CancelJob", "HoldJob", "ReleaseJob", "PauseJob",
        "ResumeJob", "RetryJob", "DeleteJob", "TrimJob"})
    EXPECT_EQ("E_INVALID_REQUEST", kernel.error(method, {{"job_id", "domed.store"}})) << method;
  EXPECT_EQ("E_INVALID_REQUEST", kernel.error("AppendJobEvents", {{"job_id", "domed.store"},
                                                                  {"producer_id", "p"},
                                                                  {"producer_token", "t"},
                                                                  {"events", Json::array()}}));
  EXPECT_EQ("E_INVALID_REQUEST", kernel.error("SubmitJob", {{"idempotency_key", "k"},
                                                            {"command", {"true"}},
                                                            {"depends_on", {"domed.store"}}}));
}

TEST_P(Records, OfTheKernelsOwnAreNotImported) {
  const Json reply = kernel.request(
      "ImportJob", {{"job_id", "domed.cluster"},
                    {"events",
                     {R"({"job_id":"domed.cluster","seq":1,"ts":"2026-01-31T00:00:00.000000Z",)"
                      R"("type":"state_change","payload":{"to":"queued"}})"}}});
  EXPECT_EQ("E_INVALID_REQUEST", reply["error"]["data"]["error"]);
  EXPECT_NE(std::string::npos, reply["error"]["message"].get<std::string>().find("kernel's own"))
      << reply;
}

TEST_P(Records, OfTheKernelsOwnArePassedOver) {
  const Json job = kernel.running_job("a");
  EXPECT_EQ(std::vector<std::string>{job["job_id"]}, listed({{"limit", 1}}));
  std::vector<std::string> seen;
  each_record(*kernel.store, {}, [&](const JobRecord& record) {
    seen.push_back(record.job_id);
    return true;
  });
  EXPECT_EQ(std::vector<std::string>{job["job_id"]}, seen);
}

TEST_P(Records, TheSecretIsMadeOnceByWhomever) {
  const std::string secret = store_secret(*kernel.sealed, kernel.environment);
  EXPECT_EQ(32u, secret.size());
  EXPECT_EQ(secret, store_secret(*kernel.sealed, kernel.environment));
}

TEST_P(Records, ARepeatedSubmitIsAnsweredWithTheSameToken) {
  const Json request{{"idempotency_key", "a"}, {"executor", "external"}};
  const Json first = kernel.call("SubmitJob", request);
  EXPECT_EQ(first["producer_token"], kernel.call("SubmitJob", request)["producer_token"]);
  const auto record = kernel.store->find(first["job_id"].get<std::string>());
  const std::string token = first["producer_token"];
  EXPECT_EQ(std::string::npos, record->fixed.find(token)) << "it stands in the record";
  EXPECT_EQ(std::string::npos, record->fixed.find(job_token(token)));
  EXPECT_TRUE(is_token(head_of(*record).run_token, token));
}

// The daemon's clock may give the same time to many, or go back.
TEST_P(Records, OfOneTimeAreListedOnceEach) {
  std::map<std::string, int> times;
  for (int i = 0; i < 25; ++i) {
    kernel.environment.time = 1'700'000'000'000'000;
    times[kernel.running_job(std::to_string(i))["job_id"]] = 0;
  }
  for (const auto& id : listed({{"limit", 7}})) ++times[id];
  for (const auto& [id, count] : times) EXPECT_EQ(1, count) << id;
}

TEST_P(Records, ArePagedBeforeTheEpochToo) {
  for (int i = 0; i < 5; ++i) {
    kernel.environment.time = -1'000'000 * (i + 1);
    kernel.running_job(std::to_string(i));
  }
  EXPECT_EQ(5u, listed({{"limit", 2}}).size());
}

TEST_P(Records, AreFoundByToolAndLabel) {
  kernel.running_job("other");
  const Json job = kernel.call(
      "SubmitJob",
      {{"idempotency_key", "a"}, {"executor", "external"}, {"labels", {{"k", "v"}, {"l", "w"}}}});
  EXPECT_EQ(std::vector<std::string>{job["job_id"]}, listed({{"label", "k=v"}}));
  EXPECT_EQ(std::vector<std::string>(), listed({{"label", "k=v2"}}));
  EXPECT_EQ(std::vector<std::string>(), listed({{"label", "k=v"}, {"tool_id", "make"}}));
}

// Where little fits, a store ends a page early: a request asks it a few times, then the client asks
// on.
TEST(ShortPages, BoundARequestAndShowEachJobOnce) {
  const Scratch scratch;
  auto faulty = std::make_unique<FaultyStore>(open_store("store-memory", scratch.path()));
  FaultyStore& store = *faulty;
  Kernel kernel("store-memory", scratch.path(), std::move(faulty));
  std::map<std::string, int> times;
  for (int i = 0; i < 100; ++i) {
    Json request{{"idempotency_key", std::to_string(i)}, {"executor", "external"}};
    if (i % 40 == 7) request["labels"] = {{"k", "v"}};
    const Json job = kernel.call("SubmitJob", request);
    if (i % 40 == 7) times[job["job_id"]] = 0;
  }
  store.places = 2;
  Json params{{"label", "k=v"}, {"limit", 2}};
  std::size_t empty = 0;
  for (int requests = 1; requests < 100; ++requests) {
    store.lists = 0;
    const Json page = kernel.call("ListJobs", params);
    EXPECT_GE(10, store.lists);
    empty += page["jobs"].empty();
    for (const auto& job : page["jobs"]) ++times[job["job_id"]];
    if (!page.contains("next_page")) break;
    params["page"] = page["next_page"];
  }
  EXPECT_LT(0u, empty);
  EXPECT_EQ(3u, times.size());
  for (const auto& [id, count] : times) EXPECT_EQ(1, count) << id;
  ListQuery query;
  query.tags = {label_tag("k=v")};
  std::size_t seen = 0;
  each_record(*kernel.store, query, [&](const JobRecord& record) {
    seen += times.count(record.job_id);
    return true;
  });
  EXPECT_EQ(3u, seen);
}

TEST_P(Records, APageIsOneThatWasGiven) {
  for (const char* page : {"", "5", "5:", ":YQ==", "x:YQ==", "5:?", "99999999999999999999:YQ=="})
    EXPECT_EQ("E_INVALID_REQUEST", kernel.error("ListJobs", {{"page", page}})) << page;
}

// No log may be longer than its numbers go, and one that is can still be ended.
TEST_P(Records, ALogThatIsFullSaysSoAndCanBeEnded) {
  const Json job = kernel.running_job("a");
  const std::string id = job["job_id"];
  const JobRecord before = *kernel.store->find(id);
  JobRecord full = before;
  JobHead head = head_of(before);
  head.head_seq = full.head_seq = kMaxSeq - 17;
  head.first_seq = full.first_seq = kMaxSeq - 17;
  full.head = head.encode();
  JobLog log(full, kernel.environment);
  const auto say = [&](std::uint64_t number, const char* type, const char* payload) {
    Batch batch;
    batch.producer_id = "p", batch.is_of_run = true, batch.number = number;
    batch.events.push_back(read_event(type, payload, Author::producer, ""));
    AppendResult result;
    log.append(batch, true, result);
  };
  say(1, "x-a", "{}");
  const auto mark = log.mark();
  EXPECT_EQ("E_TOO_LARGE", error_name([&] { say(2, "x-a", "{}"); }));
  log.undo(mark);
  log.request_cancel("");
  say(2, "state_change", R"({"to":"canceled"})");
  EXPECT_EQ(State::canceled, log.head().state);
}

}  // namespace
}  // namespace domed::test
