#include "jobs/job_queue.h"

#include <gtest/gtest.h>

namespace domed::test {
namespace {

JobQueue::Job job(const std::string& id, int priority = 0, std::set<std::string> needs = {}) {
  return {id, "default", priority, false, std::move(needs)};
}

// The order in which everything leaves.
std::string order(JobQueue& queue) {
  std::string out;
  while (const auto next = queue.take({})) out += next->id;
  return out;
}

TEST(JobQueue, IsFirstInFirstOut) {
  JobQueue queue({});
  for (const char* id : {"b", "a", "c"}) queue.put(job(id));
  EXPECT_EQ("bac", order(queue));
  EXPECT_TRUE(queue.empty());
}

TEST(JobQueue, ThePriorityGoesFirst) {
  JobQueue queue({});
  queue.put(job("low", -1)), queue.put(job("a")), queue.put(job("high", 5)), queue.put(job("b"));
  EXPECT_EQ("highablow", order(queue));
}

TEST(JobQueue, AHeldJobIsPassedOverAndKeepsItsPlace) {
  JobQueue queue({});
  auto held = job("held");
  held.held = true;
  EXPECT_TRUE(queue.put(held));
  queue.put(job("a"));
  EXPECT_EQ("a", queue.take({})->id);
  EXPECT_FALSE(queue.take({}));
  queue.put(job("b"));
  EXPECT_FALSE(queue.put(job("held"))) << "released";
  EXPECT_EQ("heldb", order(queue));
}

TEST(JobQueue, AQueuesLimitHoldsBackItsOwnJobsOnly) {
  JobQueue queue({{"builds", 1}});
  auto build = job("build");
  build.queue = "builds";
  queue.put(build), queue.put(job("other"));
  EXPECT_EQ("other", queue.take({{"builds", 1}, {"default", 7}})->id);
  EXPECT_FALSE(queue.take({{"builds", 1}}));
  EXPECT_EQ("build", queue.take({})->id);
}

TEST(JobQueue, AJobRunsAfterAllThatItNeeds) {
  JobQueue queue({});
  queue.put(job("last", 9, {"x", "y"}));
  EXPECT_TRUE(queue.ended("x", true).empty());
  EXPECT_FALSE(queue.take({}));
  EXPECT_TRUE(queue.ended("y", true).empty());
  EXPECT_EQ("last", queue.take({})->id);
}

TEST(JobQueue, AJobWhoseNeedFailedNeverRuns) {
  JobQueue queue({});
  queue.put(job("a", 0, {"x", "y"})), queue.put(job("b", 0, {"y"})), queue.put(job("c", 0, {"x"}));
  EXPECT_EQ((std::vector<std::string>{"a", "c"}), queue.ended("x", false));
  EXPECT_TRUE(queue.ended("x", false).empty());
  EXPECT_TRUE(queue.ended("y", true).empty());
  EXPECT_EQ("b", order(queue));
}

TEST(JobQueue, AJobWaitsForItsTime) {
  JobQueue queue({});
  auto later = job("later", 5);
  later.not_before = 100;
  queue.put(later), queue.put(job("now"));
  EXPECT_EQ(100, queue.next_time(99));
  EXPECT_EQ(INT64_MAX, queue.next_time(100));
  EXPECT_EQ("now", queue.take({}, 99)->id);
  EXPECT_FALSE(queue.take({}, 99));
  EXPECT_EQ("later", queue.take({}, 100)->id);
}

TEST(JobQueue, AnotherJobTakesThePlaceOfOneThatIsNeeded) {
  JobQueue queue({});
  queue.put(job("a", 0, {"x", "y"})), queue.put(job("b", 0, {"y"}));
  queue.replace("x", "z");
  EXPECT_TRUE(queue.ended("x", false).empty());
  queue.ended("y", true);
  EXPECT_EQ("b", queue.take({})->id);
  EXPECT_FALSE(queue.take({}));
  queue.replace("z", "y");
  queue.ended("y", true);
  EXPECT_EQ("a", order(queue));
}

TEST(JobQueue, ARemovedJobIsForgotten) {
  JobQueue queue({});
  queue.put(job("a", 0, {"x"})), queue.put(job("b"));
  queue.remove("a"), queue.remove("a"), queue.remove("b");
  EXPECT_TRUE(queue.ended("x", false).empty());
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace domed::test
