#include "jobs/alarm.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "system/process.h"

namespace domed::test {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::string>;

TEST(Alarm, ARingBeforeTheSleepIsNotLost) {
  Alarm alarm;
  alarm.ring(), alarm.ring();
  EXPECT_EQ(Ids{}, alarm.sleep({}, Alarm::Clock::now() + 1h)) << "it returned";
}

// The test says that the clock was set, as Linux would by its own descriptor.
TEST(Alarm, WakesWhenTheWallClockIsSet) {
  Fd steps(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const int set = steps.get();
  const Alarm alarm(std::move(steps));
  eventfd_write(set, 1);
  EXPECT_EQ(Ids{}, alarm.sleep({}, Alarm::Clock::now() + 1h)) << "it returned";
  EXPECT_EQ(Ids{}, alarm.sleep({}, Alarm::Clock::now() + 1ms));
  pollfd news{set, POLLIN, 0};
  EXPECT_EQ(0, poll(&news, 1, 0)) << "it would never sleep again";
}

TEST(Alarm, ATimeThatIsPastIsNoSleep) {
  EXPECT_EQ(Ids{}, Alarm().sleep({}, Alarm::Clock::now() - 1h));
}

TEST(Alarm, NamesTheJobsWhoseProcessesHaveEnded) {
  pid_t pid = 0, other = 0;
  char *ends[] = {const_cast<char*>("true"), nullptr},
       *lives[] = {const_cast<char*>("sleep"), const_cast<char*>("1000"), nullptr};
  ASSERT_EQ(0, posix_spawn(&pid, "/bin/true", nullptr, nullptr, ends, nullptr));
  ASSERT_EQ(0, posix_spawn(&other, "/bin/sleep", nullptr, nullptr, lives, nullptr));
  const Fd gone = open_process(identify(pid)), living = open_process(identify(other));
  EXPECT_EQ(Ids{"b"}, Alarm().sleep({{"a", living.get()}, {"b", gone.get()}, {"c", living.get()}},
                                    Alarm::Clock::now() + 1h));
  kill(other, SIGKILL);
  waitpid(pid, nullptr, 0), waitpid(other, nullptr, 0);
}

}  // namespace
}  // namespace domed::test
