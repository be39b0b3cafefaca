#include <random>

#include "support/harness.h"

namespace domed::test {
namespace {

// A job whose record in the store is not what the kernel wrote.
class OddRecords : public ::testing::Test {
 protected:
  // A store with one job, "a", that is over, and whose record "spoil" has changed.
  std::unique_ptr<Kernel> kernel_with(const std::function<void(JobRecord&)>& spoil,
                                      bool external = false) {
    auto plugin = open_store("store-memory", scratch.path());
    CheckedStore checked(*plugin);
    Store* store = &checked;
    Environment& time = environment;
    JobLog log("a", time);
    Submission made;
    made.fixed.job_id = "a";
    made.fixed.run_id = "run";
    made.token = "t";
    made.fixed.request = {{"command", {"true"}},
                          {"cwd", "/"},
                          {"env", {{"A", "b"}}},
                          {"labels", {{"k", "v"}}},
                          {"limits", {{"cpu", 1}}},
                          {"stdin", {{"path", "/x"}}},
                          {"task", {{"q", 1}}},
                          {"timeout_s", 1.5},
                          {"queue", "default"},
                          {"priority", 1},
                          {"depends_on", Json::array({"b"})},
                          {"not_before", "2026-01-31T00:00:00Z"},
                          {"retry", {{"max_attempts", 2}, {"backoff_s", 1}}}};
    if (external) made.fixed.request = {{"executor", "external"}};
    made.fixed.tool = {
        {"id", "t"},
        {"command", {"true", "{{task.q}}"}},
        {"env", {{"C", "d"}}},
        {"accepts", {{"env", {"A"}}, {"cwd", {"/"}}, {"stdin", {"bytes"}}, {"tty", true}}}};
    made.request_hash = std::string(64, '0');
    log.create(made);
    if (!external) log.assign("node-1", "t");
    Batch batch;
    batch.producer_id = "q", batch.is_of_run = true, batch.number = 1;
    batch.events = read_events(Json::array({change_to("running")}).dump());
    batch.provenance = "{}";
    AppendResult ignored;
    log.append(batch, true, ignored);
    if (!external) log.finish(State::failed, "lost", "no");
    store->commit(std::vector<Entry>{log.entry(store->incarnation())});
    JobRecord record = *store->find("a");
    spoil(record);
    Entry odd;
    odd.job_id = "a";
    odd.base = record.head_seq;
    odd.expected_revision = odd.revision = record.revision;
    odd.head = record.head;
    odd.fixed = record.fixed;
    odd.columns = record.columns;
    store->commit(std::vector<Entry>{odd});
    return std::make_unique<Kernel>("store-memory", scratch.path(), std::move(plugin));
  }
  // Calls every method that looks at the job; none may blame itself, or the client for what
  // stands in the store.
  void call_all(Kernel& kernel, const std::string& what) {
    const Json job{{"job_id", "a"}};
    const Json keyed{{"job_id", "a"}, {"idempotency_key", "again"}};
    const std::vector<std::pair<const char*, Json>> calls{
        {"GetJobStatus", job},
        {"ListJobs", Json::object()},
        {"StreamJobEvents", job},
        {"StreamJobEvents", {{"job_id", "a"}, {"lines", true}}},
        {"HoldJob", job},
        {"ReleaseJob", job},
        {"PauseJob", job},
        {"ResumeJob", job},
        {"RetryJob", keyed},
        {"AppendJobEvents",
         {{"job_id", "a"},
          {"producer_id", "p"},
          {"producer_token", "t"},
          {"batch", 1},
          {"events", Json::array({change_to("running"), change_to("failed")})}}},
        {"CancelJob", job},
        {"SubmitJob", {{"idempotency_key", "n"}, {"command", {"x"}}, {"depends_on", {"a"}}}},
        {"TrimJob", {{"job_id", "a"}, {"keep_from_seq", 2}}},
        {"DeleteJob", job},
        {"GetJobStatus", job}};
    for (const auto& [method, params] : calls) {
      const Json reply = kernel.request(method, params);
      EXPECT_NE("E_INTERNAL", reply.value("/error/data/error"_json_pointer, ""))
          << method << ", " << what << ": " << reply;
    }
  }

  Scratch scratch;
  FixedEnvironment environment;
};

// Every value of "json" in turn, its own inside included.
void each_value(Json& json, const std::function<void(Json&)>& visit) {
  for (auto& item : json) {
    visit(item);
    if (item.is_structured()) each_value(item, visit);
  }
}

const std::vector<Json>& oddities() {
  static const std::vector<Json> kOdd{nullptr,
                                      true,
                                      -1,
                                      1.5,
                                      1e300,
                                      UINT64_MAX,
                                      "",
                                      "x",
                                      Json::array(),
                                      {1, "x"},
                                      Json::object(),
                                      {{"x", nullptr}},
                                      {{"sealed", "1:x"}},
                                      {{"sealed", "1:0123456789abcdef:" + std::string(40, 'A')}}};
  return kOdd;
}

TEST_F(OddRecords, OfAnyShapeAreTheStoresFault) {
  for (const bool external : {false, true}) {
    std::size_t count = 1000;
    for (std::size_t at = 0; at < count; ++at) {
      const Json& odd = oddities()[at % oddities().size()];
      std::string what;
      const auto kernel = kernel_with(
          [&](JobRecord& record) {
            Json fixed = Json::parse(record.fixed);
            std::size_t now = 0;
            Json* chosen = nullptr;
            each_value(fixed, [&](Json& value) {
              if (now++ == at) chosen = &value;
            });
            count = now;
            if (chosen) *chosen = odd;
            what = record.fixed = fixed.dump();
          },
          external);
      call_all(*kernel, what);
    }
  }
}

TEST_F(OddRecords, OfRandomBytesAreTheStoresFault) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto any = [&](std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most - 1)(random);
  };
  for (int round = 0; round < 150; ++round) {
    const auto kernel = kernel_with([&](JobRecord& record) {
      for (std::size_t flips = 1 + any(3); flips > 0; --flips) {
        std::string& bytes = any(2) ? record.head : record.fixed;
        bytes[any(bytes.size())] = static_cast<char>(any(256));
      }
    });
    call_all(*kernel, "round " + std::to_string(round));
  }
}

TEST_F(OddRecords, WhoseColumnsAreNoTextAreListedAsDamaged) {
  const auto kernel = kernel_with([](JobRecord& record) {
    record.head[0] = '\x7f';
    record.columns.state = "\xfa\xfb";
  });
  const Json jobs = kernel->request("ListJobs", Json::object())["result"]["jobs"];
  ASSERT_EQ(1u, jobs.size());
  EXPECT_TRUE(jobs[0].contains("damaged"));
  call_all(*kernel, "a state that is no text");
}

TEST_F(OddRecords, ThatTakeASealedLineForAnOldOneDoNotShowItsSeal) {
  const auto kernel = kernel_with([](JobRecord& record) { record.head[1] = 1; });
  EXPECT_EQ("E_STORE", kernel->error("StreamJobEvents", {{"job_id", "a"}}));
}

TEST_F(OddRecords, AreRefusedForGoodAndByName) {
  const auto kernel = kernel_with([](JobRecord& record) {
    record.fixed =
        Json::parse(record.fixed)
            .patch(Json::array({{{"op", "replace"}, {"path", "/request/labels/k"}, {"value", 1}}}))
            .dump();
  });
  const Json error = kernel->request("GetJobStatus", {{"job_id", "a"}})["error"];
  EXPECT_EQ("E_STORE", error["data"]["error"]);
  EXPECT_EQ(false, error["data"]["retryable"]);
  EXPECT_NE(std::string::npos, error["message"].get<std::string>().find(
                                   "job 'a': its record in the store is damaged: request.labels"));
}

TEST_F(OddRecords, CostTheirOwnLineOfAListOnly) {
  const auto kernel = kernel_with([](JobRecord& record) { record.fixed = "{"; });
  const Json good = kernel->running_job("good");
  const Json jobs = kernel->call("ListJobs", Json::object())["jobs"];
  ASSERT_EQ(2u, jobs.size());
  EXPECT_EQ(good["job_id"], jobs[0]["job_id"]);
  EXPECT_EQ("a", jobs[1]["job_id"]);
  EXPECT_TRUE(jobs[1].contains("damaged"));
}

}  // namespace
}  // namespace domed::test
