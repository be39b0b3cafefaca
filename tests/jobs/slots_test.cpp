#include "jobs/slots.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace domed::test {
namespace {

using namespace std::chrono_literals;
using Step = Slots::Step;
const Slots::Clock::time_point begin_time{};

Runner some_runner() {
  return {Fd(open("/dev/null", O_RDONLY | O_CLOEXEC)), {1, 1}};
}

TEST(Slots, AreCountedForEachQueue) {
  Slots slots;
  slots.open("a", "builds"), slots.open("b", "builds"), slots.open("c", "default");
  slots.close("b");
  EXPECT_EQ(2u, slots.size());
  EXPECT_EQ((std::map<std::string, std::size_t>{{"builds", 1}, {"default", 1}}), slots.per_queue());
}

TEST(Slots, AStepIsTriedAgainOnceAtItsTime) {
  Slots slots;
  slots.open("job", "default");
  EXPECT_EQ(Slots::kNever, slots.next()) << "a worker has it";
  slots.postpone("job", Step::launch, begin_time + 1s);
  EXPECT_TRUE(slots.take_due(begin_time).empty());
  EXPECT_EQ(begin_time + 1s, slots.next());
  EXPECT_EQ((std::map<std::string, Step>{{"job", Step::launch}}), slots.take_due(begin_time + 1s));
  EXPECT_TRUE(slots.take_due(begin_time + 1h).empty());
}

TEST(Slots, AJobIsSettledWhenItsRunnerHasEnded) {
  Slots slots;
  slots.open("job", "default");
  slots.begin("job", "run");
  slots.watch("job", some_runner());
  EXPECT_TRUE(slots.find("job")->runner.pidfd);
  slots.runner_ended("job", true);
  EXPECT_FALSE(slots.find("job")->runner.pidfd);
  EXPECT_TRUE(slots.find("job")->ended_well);
  EXPECT_EQ(Step::settle, slots.find("job")->step);
}

TEST(Slots, AnotherRunnerOfTheSameRunHasNotEndedWellYet) {
  Slots slots;
  slots.open("job", "default");
  slots.begin("job", "run");
  slots.watch("job", some_runner());
  slots.runner_ended("job", true);
  slots.watch("job", some_runner());
  EXPECT_FALSE(slots.find("job")->ended_well);
  EXPECT_EQ("run", slots.find("job")->run_id);
}

}  // namespace
}  // namespace domed::test
