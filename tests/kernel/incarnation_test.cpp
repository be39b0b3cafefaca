// What becomes of logs that go on when the store may have lost a part of them, on every store of
// ours.
#include <future>

#include "support/faulty_store.h"
#include "support/harness.h"

namespace domed::test {
namespace {

class Incarnation : public ::testing::TestWithParam<std::string> {
 protected:
  // The same store in another life.
  void another_life(const std::string& life = "another") {
    auto plugin = std::move(kernel->plugin);
    const int ids = kernel->environment.ids, revisions = kernel->environment.revisions;
    kernel.reset();
    if (plugin->durability() != Durability::none) {
      plugin.reset();
      plugin = open_store(GetParam(), scratch.path());
    }
    auto faulty = std::make_unique<FaultyStore>(std::move(plugin));
    store = faulty.get();
    store->life = life;
    kernel = std::make_unique<Kernel>(GetParam(), scratch.path(), std::move(faulty));
    kernel->environment.ids = ids, kernel->environment.revisions = revisions;
  }
  Json running_before(const std::string& key) {
    const Json job = kernel->running_job(key);
    kernel->append(job, 1, {log_event("x")});
    return job;
  }
  Json status(const Json& job) { return kernel->call("GetJobStatus", {{"job_id", job["job_id"]}}); }
  static std::string error_of(const Json& reply) {
    return reply.value("/error/data/error"_json_pointer, "");
  }

  Scratch scratch;
  std::unique_ptr<Kernel> kernel = std::make_unique<Kernel>(GetParam(), scratch.path());
  FaultyStore* store = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Stores, Incarnation, ::testing::Values("store-memory", "store-sqlite"),
                         [](const auto& param) { return param.param.substr(6); });

TEST_P(Incarnation, WhoeverAsksFirstIsShownANewLog) {
  const Json status_first = running_before("a"), page_first = running_before("b"),
             list_first = running_before("c"), append_first = running_before("d");
  another_life();
  EXPECT_NE(status_first["log_id"], status(status_first)["log_id"]);
  EXPECT_EQ("E_LOG_CHANGED", kernel->error("StreamJobEvents", {{"job_id", page_first["job_id"]},
                                                               {"log_id", page_first["log_id"]}}));
  const Json listed = kernel->call("ListJobs", Json::object());
  for (const auto& job : listed["jobs"])
    EXPECT_NE(list_first["log_id"], job["log_id"]);
  EXPECT_EQ("", error_of(kernel->append(append_first, 2, {log_event("y")})));
  EXPECT_NE(append_first["log_id"], status(append_first)["log_id"]);
}

TEST_P(Incarnation, AnAppendMayBeTheFirst) {
  const Json job = running_before("a");
  another_life();
  const Json reply = kernel->append(job, 2, {log_event("y")});
  EXPECT_EQ(5, reply["result"]["head_seq"]) << reply;
  EXPECT_NE(job["log_id"], status(job)["log_id"]);
}

TEST_P(Incarnation, TheNewLogHasTheLinesAndTheirDigest) {
  const Json job = running_before("a");
  const auto before = kernel->lines(job["job_id"]);
  another_life();
  const Json now = status(job);
  EXPECT_EQ(before, kernel->lines(job["job_id"]));
  Digest digest = base_of(now["log_id"].get<std::string>());
  for (const auto& line : before) digest = chain(digest, line);
  EXPECT_EQ(Json(to_hex(digest)), now["digest"]);
}

TEST_P(Incarnation, ALogIsRenewedOnceInALife) {
  const Json job = running_before("a");
  another_life();
  const Json once = status(job)["log_id"];
  EXPECT_EQ(once, status(job)["log_id"]);
  another_life();
  EXPECT_EQ(once, status(job)["log_id"]) << "it is the same life";
  another_life("a third");
  EXPECT_NE(once, status(job)["log_id"]);
}

TEST_P(Incarnation, OfManyWhoAskAtOnceAllSeeTheSameLog) {
  const Json job = running_before("a");
  another_life();
  std::vector<std::future<Json>> asked;
  for (int i = 0; i < 8; ++i)
    asked.push_back(std::async(std::launch::async, [&] { return status(job)["log_id"]; }));
  std::set<std::string> seen;
  for (auto& one : asked) seen.insert(one.get());
  EXPECT_EQ(1u, seen.size());
}

// Its last event shows that it is whole.
TEST_P(Incarnation, ALogThatIsOverStaysWhatItIs) {
  const Json job = running_before("a");
  kernel->append(job, 2, {change_to("succeeded")});
  another_life();
  EXPECT_EQ(job["log_id"], status(job)["log_id"]);
}

TEST_P(Incarnation, ATrimmedLogKeepsItsBase) {
  const Json job = running_before("a");
  kernel->call("TrimJob", {{"job_id", job["job_id"]}, {"keep_from_seq", 3}});
  const Json before = status(job);
  another_life();
  EXPECT_EQ(before["base_digest"], status(job)["base_digest"]);
  EXPECT_NE(before["log_id"], status(job)["log_id"]);
}

// The log is read for its digest: meanwhile the journal serves others.
TEST_P(Incarnation, OtherJobsDoNotWaitForARenewal) {
  const Json job = running_before("a"), other = running_before("b");
  kernel->append(other, 2, {change_to("succeeded")});
  another_life();
  std::promise<void> open;
  store->read_gate = open.get_future().share();
  auto waits =
      std::async(std::launch::async, [&] { return kernel->append(job, 2, {log_event("y")}); });
  while (store->reads == 0) std::this_thread::yield();
  EXPECT_FALSE(kernel->running_job("c").empty());
  open.set_value();
  EXPECT_EQ("", error_of(waits.get()));
}

TEST_P(Incarnation, ALogThatCannotBeReadIsNeitherShownNorChanged) {
  const Json job = running_before("a"), other = running_before("b");
  another_life();
  store->failure = Code::corruption;
  store->read_failures = 1;
  EXPECT_EQ("E_STORE", error_of(kernel->append(job, 2, {log_event("y")})));
  store->read_failures = 1;
  EXPECT_EQ("E_STORE", kernel->error("GetJobStatus", {{"job_id", job["job_id"]}}));
  EXPECT_EQ("", kernel->error("GetJobStatus", {{"job_id", other["job_id"]}}));
  EXPECT_EQ("", error_of(kernel->append(job, 2, {log_event("y")}))) << "once it can be read";
}

TEST_P(Incarnation, StopAnswersWhatWaitsForARenewal) {
  const Json job = running_before("a");
  another_life();
  std::promise<void> open;
  store->read_gate = open.get_future().share();
  auto waits =
      std::async(std::launch::async, [&] { return kernel->append(job, 2, {log_event("y")}); });
  while (store->reads == 0) std::this_thread::yield();
  auto stopped = std::async(std::launch::async, [&] { kernel->journal->stop(); });
  open.set_value();
  const std::string error = error_of(waits.get());
  EXPECT_TRUE(error.empty() || error == "E_BUSY") << error;
  stopped.get();
}

}  // namespace
}  // namespace domed::test
