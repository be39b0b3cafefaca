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
  std::vector<std::string> pass(Retention& retention) {
    std::vector<std::string> deleted;
    retention.run(
        kernel.environment.time, now, [&](const std::string& id) { deleted.push_back(id); },
        [] { return false; });
    return deleted;
  }
  std::vector<std::string> pass(const RetentionLimits& limits) {
    Retention retention = make(limits);
    return pass(retention);
  }
  Retention make(const RetentionLimits& limits) {
    return Retention(*kernel.store, *kernel.journal, limits,
                     [this](const std::string& line) { said += line; });
  }
  // Time goes by, and both clocks with it.
  void age(std::chrono::microseconds time) {
    kernel.environment.time += time.count();
    now += time;
  }
  void step(std::chrono::microseconds by) { kernel.environment.time += by.count(); }

  BootClock::time_point now{1h};
  std::string said;

  Scratch scratch;
  Kernel kernel{"store-memory", scratch.path()};
};

TEST_F(RetentionTest, AJobsAgeCountsFromItsEnd) {
  const Json job = kernel.running_job("long");
  Retention retention = make({30 * 24h, 0h, 0});
  EXPECT_TRUE(pass(retention).empty());
  age(31 * 24h);
  kernel.append(job, 1, change_to("succeeded"));
  EXPECT_TRUE(pass(retention).empty());
  age(31 * 24h);
  EXPECT_EQ(std::vector<std::string>{job["job_id"]}, pass(retention));
  EXPECT_EQ("E_GONE", kernel.error("GetJobStatus", {{"job_id", job["job_id"]}}));
}

TEST_F(RetentionTest, OnlyFinishedJobsAreCounted) {
  const std::string oldest = finished("1"), middle = finished("2");
  kernel.running_job("3");
  kernel.running_job("4");
  const std::string newest = finished("5");
  EXPECT_EQ(std::vector<std::string>{oldest}, pass({0h, 0h, 2}));
}

TEST_F(RetentionTest, TheOldestGoWhileTheirEventsAreTooMany) {
  const auto bytes = [&](const std::string& id) {
    std::uint64_t sum = 0;
    for (const auto& line : kernel.lines(id)) sum += line.size() + 1;
    EXPECT_EQ(sum, head_of(*kernel.store->find(id)).bytes);
    return sum;
  };
  const std::string oldest = finished("1"), middle = finished("2"), newest = finished("3");
  const std::uint64_t two = bytes(middle) + bytes(newest);
  EXPECT_TRUE(pass({0h, 0h, 0, two + bytes(oldest)}).empty());
  EXPECT_EQ(std::vector<std::string>{oldest}, pass({0h, 0h, 0, two}));
  EXPECT_EQ(std::vector<std::string>{middle}, pass({0h, 0h, 0, two - 1}));
  EXPECT_TRUE(pass({0h, 0h, 0, 1}).empty()) << "the newest stays";
}

TEST_F(RetentionTest, WhatWasTrimmedIsNotCounted) {
  const std::string id = finished("1");
  kernel.call("TrimJob", {{"job_id", id}, {"keep_from_seq", 3}});
  std::uint64_t sum = 0;
  for (const auto& line : kernel.lines(id, 2)) sum += line.size() + 1;
  EXPECT_EQ(sum, head_of(*kernel.store->find(id)).bytes);
}

TEST_F(RetentionTest, MoreThanAPageIsLookedThrough) {
  for (int i = 0; i < 250; ++i) finished("job " + std::to_string(i));
  EXPECT_EQ(247u, pass({0h, 0h, 3}).size());
  EXPECT_EQ(3u, kernel.call("ListJobs", Json::object())["jobs"].size());
}

TEST_F(RetentionTest, AClockThatJumpedDeletesATenthAtMostAndTheOldest) {
  std::vector<std::string> ids;
  for (int i = 0; i < 25; ++i) ids.push_back(finished("job " + std::to_string(i)));
  kernel.running_job("goes on");
  Retention retention = make({30 * 24h, 0h, 0});
  EXPECT_TRUE(pass(retention).empty());
  age(10min), step(40 * 24h);
  EXPECT_EQ((std::vector<std::string>{ids[1], ids[0]}), pass(retention));
  EXPECT_NE(std::string::npos, said.find("25 finished jobs seem too old; 2 are deleted now"))
      << said;
  age(10min);
  EXPECT_EQ((std::vector<std::string>{ids[3], ids[2]}), pass(retention));
  step(-40 * 24h);  // somebody read that, and put the clock right
  EXPECT_TRUE(pass(retention).empty());
}

TEST_F(RetentionTest, AClockThatJumpedIsBelievedADayLater) {
  for (int i = 0; i < 5; ++i) finished("job " + std::to_string(i));
  Retention retention = make({30 * 24h, 0h, 0});
  pass(retention);
  step(40 * 24h);
  EXPECT_TRUE(pass(retention).empty()) << "a tenth of five is none";
  age(25h);
  EXPECT_EQ(5u, pass(retention).size());
}

TEST_F(RetentionTest, AJumpAcrossARestartIsSeenAgainstTheNewestEvent) {
  for (int i = 0; i < 10; ++i) finished("job " + std::to_string(i));
  step(40 * 24h);
  EXPECT_EQ(1u, pass({30 * 24h, 0h, 0}).size());
  EXPECT_NE(std::string::npos, said.find("10 finished jobs seem too old; 1 are deleted")) << said;
}

TEST_F(RetentionTest, WhatNoClockTellsIsDeletedWhateverTheClockSays) {
  for (int i = 0; i < 10; ++i) finished("job " + std::to_string(i));
  Retention retention = make({30 * 24h, 0h, 4});
  step(40 * 24h);
  EXPECT_EQ(6u, pass(retention).size());
}

TEST_F(RetentionTest, TombstonesAreKeptFromAClockThatJumpedToo) {
  for (int i = 0; i < 20; ++i)
    kernel.call("DeleteJob", {{"job_id", finished("job " + std::to_string(i))}});
  Retention retention = make({0h, 30 * 24h, 0});
  pass(retention);
  step(40 * 24h);
  pass(retention);
  ListQuery tombstones;
  tombstones.tombstones = true;
  EXPECT_EQ(18u, kernel.store->list(tombstones).jobs.size());
  EXPECT_NE(std::string::npos, said.find("20 tombstones")) << said;
}

TEST_F(RetentionTest, ForEverIsForEverBefore1970Too) {
  kernel.environment.time = -86'400'000'000;
  finished("job");
  age(24h * 365);
  EXPECT_TRUE(pass({0h, 0h, 0}).empty());
  EXPECT_TRUE(pass({0h, 1h, 0}).empty());
}

}  // namespace
}  // namespace domed::test
