#include "jobs/retention.h"

#include "support/harness.h"

namespace domed::test {
namespace {

using namespace std::chrono_literals;

class RetentionTest : public ::testing::Test {
 protected:
  // An external job, over at once; returns its id.
  std::string finished(const std::string& key) {
    const Json job = kernel.running_job(key);
    kernel.append(job, 1, change_to("succeeded"));
    return job["job_id"];
  }
  std::vector<std::string> pass(const RetentionLimits& limits) {
    std::vector<std::string> deleted;
    Retention(*kernel.store, *kernel.journal, limits)
        .run(
            kernel.environment.now(), [&](const std::string& id) { deleted.push_back(id); },
            [] { return false; });
    return deleted;
  }

  Scratch scratch;
  Kernel kernel{"store-memory", scratch.path()};
};

TEST_F(RetentionTest, AJobsAgeCountsFromItsEnd) {
  const Json job = kernel.running_job("long");
  kernel.environment.time += 31ll * 24 * 3600 * 1'000'000;
  kernel.append(job, 1, change_to("succeeded"));
  EXPECT_TRUE(pass({30 * 24h, 0h, 0}).empty());
  kernel.environment.time += 31ll * 24 * 3600 * 1'000'000;
  EXPECT_EQ(std::vector<std::string>{job["job_id"]}, pass({30 * 24h, 0h, 0}));
  EXPECT_EQ("E_GONE", kernel.error("GetJobStatus", {{"job_id", job["job_id"]}}));
}

TEST_F(RetentionTest, OnlyFinishedJobsAreCounted) {
  const std::string oldest = finished("1"), middle = finished("2");
  kernel.running_job("3");
  kernel.running_job("4");
  const std::string newest = finished("5");
  EXPECT_EQ(std::vector<std::string>{oldest}, pass({0h, 0h, 2}));
}

TEST_F(RetentionTest, MoreThanAPageIsLookedThrough) {
  for (int i = 0; i < 250; ++i) finished("job " + std::to_string(i));
  EXPECT_EQ(247u, pass({0h, 0h, 3}).size());
  EXPECT_EQ(3u, kernel.call("ListJobs", Json::object())["jobs"].size());
}

}  // namespace
}  // namespace domed::test
