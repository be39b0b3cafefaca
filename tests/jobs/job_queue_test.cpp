#include "jobs/job_queue.h"

#include <gtest/gtest.h>

namespace domed::test {
namespace {

using namespace std::chrono_literals;

JobQueue::Job job(const std::string& id, int priority = 0, std::set<std::string> needs = {}) {
  return {id, "default", priority, false, std::move(needs)};
}

constexpr BootClock::time_point kNow{std::chrono::hours(1)};

bool put(JobQueue& queue, JobQueue::Job job) {
  return queue.put(std::move(job), kNow);
}

// The order in which everything leaves.
std::string order(JobQueue& queue) {
  std::string out;
  while (const auto next = queue.take({})) out += next->id;
  return out;
}

TEST(JobQueue, IsFirstInFirstOut) {
  JobQueue queue({});
  for (const char* id : {"b", "a", "c"}) put(queue, job(id));
  EXPECT_EQ("bac", order(queue));
  EXPECT_TRUE(queue.empty());
}

TEST(JobQueue, ThePriorityGoesFirst) {
  JobQueue queue({});
  put(queue, job("low", -1)), put(queue, job("a")), put(queue, job("high", 5)),
      put(queue, job("b"));
  EXPECT_EQ("highablow", order(queue));
}

TEST(JobQueue, AHeldJobIsPassedOverAndKeepsItsPlace) {
  JobQueue queue({});
  auto held = job("held");
  held.held = true;
  EXPECT_TRUE(put(queue, held));
  put(queue, job("a"));
  EXPECT_EQ("a", queue.take({})->id);
  EXPECT_FALSE(queue.take({}));
  put(queue, job("b"));
  EXPECT_FALSE(put(queue, job("held"))) << "released";
  EXPECT_EQ("heldb", order(queue));
}

TEST(JobQueue, AQueuesLimitHoldsBackItsOwnJobsOnly) {
  JobQueue queue({{"builds", 1}});
  auto build = job("build");
  build.queue = "builds";
  put(queue, build), put(queue, job("other"));
  EXPECT_EQ("other", queue.take({{"builds", 1}, {"default", 7}})->id);
  EXPECT_FALSE(queue.take({{"builds", 1}}));
  EXPECT_EQ("build", queue.take({})->id);
}

TEST(JobQueue, AJobThatComesBackHasItsPlace) {
  JobQueue queue({});
  for (const char* id : {"a", "b"}) put(queue, job(id));
  EXPECT_EQ("a", queue.take({})->id);
  put(queue, job("a"));
  EXPECT_EQ("ab", order(queue));
  queue.remove("a");  // it is over, and is another one
  for (const char* id : {"b", "a"}) queue.remove(id), put(queue, job(id));
  EXPECT_EQ("ba", order(queue));
}

TEST(JobQueue, AJobRunsAfterAllThatItNeeds) {
  JobQueue queue({});
  put(queue, job("last", 9, {"x", "y"}));
  EXPECT_TRUE(queue.ended("x", true).empty());
  EXPECT_FALSE(queue.take({}));
  EXPECT_TRUE(queue.ended("y", true).empty());
  EXPECT_EQ("last", queue.take({})->id);
}

TEST(JobQueue, AJobWhoseNeedFailedNeverRuns) {
  JobQueue queue({});
  put(queue, job("a", 0, {"x", "y"})), put(queue, job("b", 0, {"y"})),
      put(queue, job("c", 0, {"x"}));
  EXPECT_EQ((std::vector<std::string>{"a", "c"}), queue.ended("x", false));
  EXPECT_TRUE(queue.ended("x", false).empty());
  EXPECT_TRUE(queue.ended("y", true).empty());
  EXPECT_EQ("b", order(queue));
}

TEST(JobQueue, AJobWaitsForItsTime) {
  JobQueue queue({});
  auto later = job("later", 5);
  later.not_before = 100;
  put(queue, later), put(queue, job("now"));
  EXPECT_EQ(1us, queue.wait(99, kNow));
  EXPECT_EQ(std::chrono::microseconds::max(), queue.wait(100, kNow));
  EXPECT_EQ(std::chrono::microseconds(100 - (INT64_MIN + 200)), queue.wait(INT64_MIN + 200, kNow));
  EXPECT_EQ(std::chrono::microseconds::max(), queue.wait(INT64_MIN, kNow)) << "no number holds it";
  EXPECT_EQ("now", queue.take({}, 99)->id);
  EXPECT_FALSE(queue.take({}, 99));
  EXPECT_EQ("later", queue.take({}, 100)->id);
}

TEST(JobQueue, AnotherJobTakesThePlaceOfOneThatIsNeeded) {
  JobQueue queue({});
  put(queue, job("a", 0, {"x", "y"})), put(queue, job("b", 0, {"y"}));
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
  put(queue, job("a", 0, {"x"})), put(queue, job("b"));
  queue.remove("a"), queue.remove("a"), queue.remove("b");
  EXPECT_TRUE(queue.ended("x", false).empty());
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace domed::test
