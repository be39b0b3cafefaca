// A job that moves from one store to another keeps its ids and bytes, and those
// who follow it go on where they were.
#include "transfer.h"

namespace domed::test {
namespace {

class Transfer : public ::testing::TestWithParam<std::pair<const char*, const char*>> {
 protected:
  Transfer() : here(GetParam().first, here_dir.path()), there(GetParam().second, there_dir.path()) {
    there.environment.ids = 1 << 20;
  }
  // A finished job of 24 events.
  Json finished_job() {
    const Json job = here.running_job("a");
    here.append(job, 1, Json(20, log_event("line")));
    here.append(job, 2, {change_to("succeeded")});
    return job;
  }
  static Json page(Kernel& kernel, const Json& job, std::uint64_t since,
                   std::uint64_t most = 1000) {
    return kernel.call("StreamJobEvents", {{"job_id", job["job_id"]},
                                           {"log_id", job["log_id"]},
                                           {"since_seq", since},
                                           {"max_events", most}});
  }
  static Json status(Kernel& kernel, const Json& job) {
    return kernel.call("GetJobStatus", {{"job_id", job["job_id"]}});
  }

  Scratch here_dir, there_dir;
  Kernel here, there;
};

TEST_P(Transfer, AFollowerContinuesWithItsCursorAndLogId) {
  const Json job = finished_job();
  EXPECT_EQ(10u, page(here, job, 0, 10)["events"].size());
  import_job(there, export_job(here, job["job_id"]), 7);
  const Json rest = page(there, job, 10);
  EXPECT_EQ(page(here, job, 10), rest);
  EXPECT_EQ(true, rest["final"]);
}

TEST_P(Transfer, KeepsBytesDigestsAndState) {
  const Json job = finished_job();
  import_job(there, export_job(here, job["job_id"]), 5);
  EXPECT_EQ(here.lines(job["job_id"]), there.lines(job["job_id"]));
  const Json before = status(here, job), after = status(there, job);
  for (const char* key : {"log_id", "run_id", "state", "reason", "digest", "base_digest",
                          "head_seq", "streams", "provenance", "ended_at"})
    EXPECT_EQ(before[key], after[key]) << key;
}

TEST_P(Transfer, OfATrimmedLogKeepsItsBase) {
  const Json job = finished_job();
  here.call("TrimJob", {{"job_id", job["job_id"]}, {"keep_from_seq", 12}});
  const Json reply = import_job(there, export_job(here, job["job_id"]), 4);
  ASSERT_TRUE(reply.contains("result")) << reply;
  const Json before = status(here, job), after = status(there, job);
  for (const char* key : {"log_id", "first_seq", "head_seq", "digest", "base_digest", "state"})
    EXPECT_EQ(before[key], after[key]) << key;
  EXPECT_EQ(page(here, job, 11), page(there, job, 11));
  EXPECT_EQ("E_COMPACTED",
            there.error("StreamJobEvents", {{"job_id", job["job_id"]}, {"since_seq", 10}}));
}

TEST_P(Transfer, RefusesAJobThatExists) {
  const Json job = finished_job();
  const Export copy = export_job(here, job["job_id"]);
  import_job(there, copy, 100);
  const Json again = import_job(there, copy, 100);
  EXPECT_TRUE(again.contains("error")) << again;
  EXPECT_EQ(here.lines(job["job_id"]), there.lines(job["job_id"]));
}

TEST_P(Transfer, IsSealedAndKeepsItsKey) {
  const Json job = finished_job();
  import_job(there, export_job(here, job["job_id"]), 100);
  EXPECT_EQ(true, there.call("CancelJob", {{"job_id", job["job_id"]}})["already_terminal"]);
  EXPECT_EQ(24, status(there, job)["head_seq"]);
  EXPECT_EQ("a", status(there, job)["idempotency_key"]);
}

TEST_P(Transfer, LeavesNothingWhereALineWasChanged) {
  const Json job = finished_job();
  Export copy = export_job(here, job["job_id"]);
  copy.lines.erase(copy.lines.begin() + 5);
  EXPECT_TRUE(import_job(there, copy, 100).contains("error"));
  EXPECT_EQ("E_NOT_FOUND", there.error("GetJobStatus", {{"job_id", job["job_id"]}}));
}

INSTANTIATE_TEST_SUITE_P(Stores, Transfer,
                         ::testing::Values(std::pair("store-memory", "store-sqlite"),
                                           std::pair("store-sqlite", "store-memory"),
                                           std::pair("store-sqlite", "store-sqlite")),
                         [](const auto& param_info) {
                           std::string name =
                               std::string(param_info.param.first) + param_info.param.second;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace domed::test
