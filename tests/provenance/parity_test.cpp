#include <future>

#include "real_sources.h"
#include "support/harness.h"

// A record is the same bytes from every store, at any later time.
namespace domed::git {
namespace {

class Parity : public RealSources, public testing::WithParamInterface<const char*> {
 protected:
  std::string other() const {
    return GetParam() == std::string("store-memory") ? "store-sqlite" : "store-memory";
  }
  // Runs an external job in "cwd" to its end; its id.
  std::string run(test::Kernel& kernel, const std::string& cwd) {
    const Json job = kernel.call(
        "SubmitJob", {{"idempotency_key", "k"}, {"executor", "external"}, {"cwd", cwd}});
    kernel.append(job, 1, Json::array({test::change_to("running"), test::log_event("x")}));
    kernel.append(job, 2, test::change_to("succeeded"));
    return job["job_id"];
  }
  std::string status(test::Kernel& kernel, const std::string& job) {
    return kernel.raw(R"({"jsonrpc":"2.0","id":1,"method":"GetJobStatus","params":{"job_id":")" +
                      job + "\"}}");
  }
  void commits(const std::string& r, int count) {
    const program::Outcome outcome =
        program::run({.program = "/bin/sh",
                      .arguments = {"-c", "for i in $(seq " + std::to_string(count) +
                                              "); do git -c user.name=n -c user.email=e commit -q "
                                              "--allow-empty -m $i; done"},
                      .directory = r,
                      .environment = {"PATH=/usr/bin:/bin", "HOME=" + root},
                      .deadline = program::Clock::now() + std::chrono::seconds(120)});
    ASSERT_TRUE(outcome.ok()) << outcome.err;
  }
  std::string dir(const std::string& name) const { return root + "/state/" + name; }
};

TEST_P(Parity, LogAndStatusAreTheSameBytesFromEveryStore) {
  const std::string r = repository();
  test::Kernel mine(GetParam(), dir("a"), sources()), theirs(other(), dir("b"), sources());
  const std::string job = run(mine, r);
  EXPECT_EQ(job, run(theirs, r));
  EXPECT_EQ(mine.lines(job), theirs.lines(job));
  EXPECT_EQ(status(mine, job), status(theirs, job));
  EXPECT_EQ(std::string::npos, status(mine, job).find("store-"));
}

TEST_P(Parity, LaterCommitsChangeNothing) {
  const std::string r = repository(), commit = git(r, {"rev-parse", "HEAD"});
  test::Kernel kernel(GetParam(), dir("a"), sources());
  const std::string job = run(kernel, r), before = status(kernel, job);
  EXPECT_EQ(Json(commit), Json::parse(before)["result"]["provenance"]["commit_sha"]);
  commits(r, 100);
  EXPECT_NE(commit, git(r, {"rev-parse", "HEAD"}));
  EXPECT_EQ(before, status(kernel, job));
}

TEST_P(Parity, ExportAndImportIntoTheOtherStoreChangeNothing) {
  test::Kernel from(GetParam(), dir("a"), sources()), to(other(), dir("b"));
  const std::string job = run(from, repository()), before = status(from, job);
  Json record = Json::parse(before)["result"], kept = Json::object();
  for (const char* key : {"log_id", "request_hash", "run_id", "client_id", "idempotency_key",
                          "submitter", "executor", "cwd", "labels", "digest"})
    kept[key] = record[key];
  to.call("ImportJob",
          {{"job_id", job}, {"record", kept}, {"events", from.lines(job)}, {"last", true}});
  std::string after = status(to, job);
  const std::size_t mark = after.find(",\"imported\":{");  // that it is a copy
  ASSERT_NE(std::string::npos, mark) << after;
  after.erase(mark, after.find('}', mark) + 1 - mark);
  EXPECT_EQ(before, after);
}

INSTANTIATE_TEST_SUITE_P(Stores, Parity, testing::Values("store-memory", "store-sqlite"));

using Restart = Parity;
TEST_P(Restart, ChangesNothing) {
  std::string job, before;
  {
    test::Kernel kernel(GetParam(), dir("a"), sources());
    job = run(kernel, repository());
    before = status(kernel, job);
  }
  test::Kernel again(GetParam(), dir("a"), sources());
  EXPECT_EQ(before, status(again, job));
}
INSTANTIATE_TEST_SUITE_P(Stores, Restart, testing::Values("store-sqlite"));

TEST_F(RealSources, RunningAndTerminalInOneBatchHaveBothRecords) {
  const std::string r = repository();
  test::Kernel kernel("store-memory", root + "/state", sources());
  const Json job =
      kernel.call("SubmitJob", {{"idempotency_key", "k"}, {"executor", "external"}, {"cwd", r}});
  kernel.append(job, 1, Json::array({test::change_to("running"), test::change_to("succeeded")}));
  const Json status = kernel.call("GetJobStatus", {{"job_id", job["job_id"]}});
  EXPECT_EQ("false", status["drift"]) << status.dump(1);
  EXPECT_EQ(status["provenance"]["commit_sha"], status["provenance_end"]["commit_sha"]);
}

// Whoever came over a network may name a directory of another machine, which is here too.
TEST_F(RealSources, OfAProducerElsewhereNoDirectoryIsLookedAt) {
  const std::string r = repository();
  test::Kernel kernel("store-memory", root + "/state", sources());
  const auto status_of = [&](Door at_start, Door at_end) {
    const Json job = kernel.call("SubmitJob", {{"idempotency_key", kernel.environment.random_id()},
                                               {"executor", "external"},
                                               {"cwd", r}});
    kernel.peer.door = at_start;
    kernel.append(job, 1, {test::change_to("running")});
    kernel.peer.door = at_end;
    kernel.append(job, 2, {test::change_to("succeeded")});
    return kernel.call("GetJobStatus", {{"job_id", job["job_id"]}});
  };
  const std::string why = "the run is on another machine";
  const Json away = status_of(Door::network, Door::network);
  for (const char* field : {"commit_sha", "repo", "dirty_flag"})
    EXPECT_EQ(Json(why), away["provenance"][std::string(field) + "_reason"]);
  EXPECT_TRUE(mentions(away["drift_reason"], why)) << away["drift_reason"];
  const Json moved = status_of(Door::ipc, Door::network);
  EXPECT_NE("unknown", moved["provenance"]["commit_sha"]);
  EXPECT_EQ(Json(why), moved["provenance_end"]["commit_sha_reason"]);
  EXPECT_EQ("unknown", moved["drift"]);
  EXPECT_EQ("unknown", status_of(Door::gone, Door::ipc)["provenance"]["commit_sha"]);
}

// It looked at the log before the beginning was in it.
TEST_F(RealSources, AnEndSentBehindItsBeginningIsComparedWithIt) {
  test::Kernel kernel("store-memory", root + "/state", sources());
  const Json job =
      kernel.call("SubmitJob", {{"idempotency_key", "p"}, {"executor", "external"}, {"cwd", root}});
  auto end = std::async([&] { return kernel.append(job, 2, {test::change_to("succeeded")}); });
  kernel.append(job, 1, {test::change_to("running")});
  EXPECT_FALSE(end.get().contains("error"));
  EXPECT_TRUE(kernel.call("GetJobStatus", {{"job_id", job["job_id"]}}).contains("provenance_end"));
}

TEST_F(RealSources, StatusSaysWhyDriftIsUnknown) {
  test::Kernel kernel("store-memory", root + "/state", sources());
  const Json job =
      kernel.call("SubmitJob", {{"idempotency_key", "k"}, {"executor", "external"}, {"cwd", root}});
  kernel.append(job, 1, Json::array({test::change_to("running"), test::change_to("succeeded")}));
  const Json status = kernel.call("GetJobStatus", {{"job_id", job["job_id"]}});
  EXPECT_EQ("unknown", status["drift"]);
  EXPECT_TRUE(mentions(status["drift_reason"], "not a repository"));
}

}  // namespace
}  // namespace domed::git
