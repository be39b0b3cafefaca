#include "jobs/waiting.h"

#include <gtest/gtest.h>

namespace domed {
namespace {

Waiting free_slots() {
  Waiting out;
  out.max_running = 4;
  out.queue = "default";
  return out;
}

TEST(Waiting, NamesEachReason) {
  Waiting job = free_slots();
  EXPECT_EQ("it is about to be started", job.why());
  job.held = true;
  job.needs = {"a", "b"};
  job.not_before = 1'000'000;
  job.queue_limit = job.queue_running = 2;
  job.running = 4;
  EXPECT_EQ(
      "it is held until it is released; it needs the success of jobs a b; its time has not come: "
      "not before 1970-01-01T00:00:01.000000Z; all 2 slots of the queue 'default' are taken; all 4 "
      "slots of the daemon (jobs.max_running) are taken",
      job.why());
}

TEST(Waiting, ATimeThatHasComeAndAQueueWithoutALimitAreNoReasons) {
  Waiting job = free_slots();
  job.not_before = job.now = 5;
  job.queue_running = 3;
  EXPECT_EQ("it is about to be started", job.why());
}

TEST(Waiting, AQueueMayStartNothing) {
  Waiting job = free_slots();
  job.queue_limit = 0;
  EXPECT_EQ("the queue 'default' starts nothing for now: it has no slots", job.why());
}

TEST(Waiting, TellsOfAStartThatIsUnderWay) {
  Waiting job = free_slots();
  job.running = 4;  // it has one of the slots
  job.start.emplace();
  EXPECT_EQ("it is being started: its provenance is collected", job.why());
  job.start->runner_for = std::chrono::seconds(12);
  EXPECT_EQ(
      "it is being started: its runner is there for 12 s and has not reported yet that the command "
      "runs",
      job.why());
  job.trouble = "the store failed";
  EXPECT_EQ("it could not be started and is tried again: the store failed", job.why());
}

TEST(Waiting, NamesAFewOfManyNeeds) {
  Waiting job = free_slots();
  job.needs = {"a", "b", "c", "d", "e", "f", "g"};
  EXPECT_EQ("it needs the success of jobs a b c d e and 2 more", job.why());
}

TEST(Waiting, OfAnExternalJobItsProducerDecides) {
  Waiting job;
  job.external = true;
  EXPECT_EQ("its producer has not reported yet that it runs", job.why());
}

}  // namespace
}  // namespace domed
