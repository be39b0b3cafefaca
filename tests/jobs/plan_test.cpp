#include "jobs/plan.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/units.h"
#include "jobs/context.h"
#include "log/retry.h"

namespace domed::test {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::string>;
using Next = StepOutcome::Next;

// News and times go in; no store, process or thread is there.
class PlanTest : public ::testing::Test {
 protected:
  static SchedulerConfig one_slot() {
    SchedulerConfig config;
    config.max_running = 1;
    config.retry = 1s;
    return config;
  }
  static Commit commit(const std::string& id, State state) {
    Commit out;
    out.job_id = id, out.state = state;
    out.ended = is_terminal(state);
    return out;
  }
  bool notice(const std::string& id, State state) { return plan.notice(commit(id, state), now); }
  void line_up(const std::string& id, std::set<std::string> needs = {}) {
    plan.line_up(id, JobQueue::Job{id, "default", 0, false, std::move(needs)}, now);
  }
  // The jobs whose step is due.
  Ids steps() {
    Ids out;
    for (const auto& [id, step] : plan.take_steps(wall, now)) out.push_back(id);
    return out;
  }
  // A job whose runner is watched.
  void run(const std::string& id) {
    line_up(id);
    EXPECT_EQ(Ids{id}, steps());
    JobFixed fixed;
    fixed.job_id = id, fixed.run_id = "run-" + id, fixed.request = Json::object();
    plan.begin(fixed);
    plan.step_done(id, watched(), now);
  }
  static StepOutcome watched() {
    return {Next::watch, {Fd(open("/dev/null", O_RDONLY | O_CLOEXEC)), {1, 1}}};
  }
  std::string why(const std::string& id) {
    JobQueue::Job job;
    job.id = id;
    return plan.waiting(job, wall, now).why();
  }

  SchedulerConfig config = one_slot();
  Plan plan{config};
  std::int64_t wall = 1'700'000'000'000'000;
  Plan::Clock::time_point now = Plan::Clock::now();
};

TEST_F(PlanTest, AQueuedJobIsLookedAtAndThenGetsASlot) {
  EXPECT_TRUE(notice("job", State::queued));
  EXPECT_EQ(Ids{"job"}, plan.take_arrivals());
  EXPECT_EQ(Ids{}, plan.take_arrivals());
  line_up("job");
  EXPECT_EQ(Ids{"job"}, steps());
  EXPECT_EQ(Ids{}, steps()) << "a worker has it";
  EXPECT_FALSE(plan.is_idle());
}

TEST_F(PlanTest, NoMoreJobsRunThanMay) {
  line_up("a"), line_up("b");
  EXPECT_EQ(Ids{"a"}, steps());
  EXPECT_EQ("the one slot of the daemon (jobs.max_running) is taken", why("b"));
  plan.step_done("a", {}, now);
  EXPECT_EQ(Ids{"b"}, steps());
}

TEST_F(PlanTest, TellsWhatAJobWaitsBehind) {
  config.queues = {{"gpu", 1}};
  config.max_running = 2;
  plan.use(config);
  const auto put = [&](const std::string& id, const std::string& queue, bool held = false) {
    plan.line_up(id, JobQueue::Job{id, queue, 0, held, {}}, now);
  };
  const auto turn = [&](const std::string& id, const std::string& queue) {
    const Turn found = plan.turn(JobQueue::Job{id, queue, 0, false, {}}, wall, now);
    std::string out = std::to_string(found.ahead);
    for (const auto& holder : found.holders) out += " " + holder;
    return out;
  };
  put("a", "gpu"), put("b", "gpu"), put("c", "gpu");
  EXPECT_EQ(Ids{"a"}, steps());
  EXPECT_EQ("0", turn("a", "gpu")) << "it has a slot";
  EXPECT_EQ("1 a", turn("c", "gpu"));
  put("d", "default"), put("held", "default", true), put("e", "default");
  EXPECT_EQ(Ids{"d"}, steps());
  EXPECT_EQ("2 a d", turn("e", "default")) << "what is held does not come first";
  EXPECT_EQ("0", turn("nowhere", "default").substr(0, 1));
}

// As after a reload.  What runs goes on, above a lowered limit too.
TEST_F(PlanTest, AnotherLimitHoldsFromThenOn) {
  line_up("a"), line_up("b"), line_up("c");
  EXPECT_EQ(Ids{"a"}, steps());
  config.max_running = 2;
  plan.use(config);
  EXPECT_EQ(Ids{"b"}, steps());
  config.max_running = 1;
  plan.use(config);
  plan.step_done("a", {}, now);
  EXPECT_EQ(Ids{}, steps()) << "one runs still";
  plan.step_done("b", {}, now);
  config.queues = {{"default", 1}};
  plan.use(config);
  EXPECT_EQ(Ids{"c"}, steps());
}

TEST_F(PlanTest, AQueueWithoutSlotsStartsNothing) {
  config.queues = {{"default", 0}};
  plan.use(config);
  line_up("a");
  EXPECT_EQ(Ids{}, steps());
  config.queues = {{"default", 1}};
  plan.use(config);
  EXPECT_EQ(Ids{"a"}, steps());
}

TEST_F(PlanTest, QueuesAreAsDeepAsWhatWaits) {
  plan.line_up("a", JobQueue::Job{"a", "gpu", 0, false, {}, INT64_MIN, {}, 7}, now);
  plan.line_up("b", JobQueue::Job{"b", "gpu", 0, false, {}, INT64_MIN, {}, 5}, now);
  plan.line_up("held", JobQueue::Job{"held", "gpu", 0, true, {}, INT64_MIN, {}, 1}, now);
  plan.line_up("needs", JobQueue::Job{"needs", "default", 0, false, {"x"}, INT64_MIN, {}, 2}, now);
  plan.line_up("early", JobQueue::Job{"early", "default", 0, false, {}, wall + 1, {}, 3}, now);
  const auto depths = plan.depths(wall, now);
  EXPECT_EQ(3u, depths.at("gpu").jobs);
  EXPECT_EQ(5, depths.at("gpu").oldest) << "what is held waits for somebody";
  EXPECT_EQ(2u, depths.at("default").jobs);
  EXPECT_EQ(INT64_MAX, depths.at("default").oldest) << "neither waits for its turn";
}

TEST_F(PlanTest, NothingStartsOnceItIsClosed) {
  line_up("job");
  plan.close();
  EXPECT_EQ(Ids{}, steps());
  EXPECT_EQ("the daemon is stopping and starts nothing more", why("job"));
}

TEST_F(PlanTest, AFailedStepIsTriedAgainAndSaysWhy) {
  line_up("job");
  steps();
  plan.step_failed("job", Plan::Step::launch, "no disk", false, now);
  EXPECT_EQ("it could not be started and is tried again: no disk", why("job"));
  EXPECT_EQ(now + 1s, plan.next(wall, now));
  now += 1s;
  EXPECT_EQ(Ids{"job"}, steps());
}

// Each of these starts adds to the job's log.
TEST_F(PlanTest, WhereThereIsNoRoomStartsGetRarer) {
  line_up("job");
  for (const auto pause : {1s, 2s, 4s, 8s, 16s, 32s, 32s}) {
    EXPECT_EQ(Ids{"job"}, steps());
    plan.step_failed("job", Plan::Step::launch, "no room", true, now);
    EXPECT_EQ(now + pause, plan.next(wall, now));
    now += pause;
  }
  steps();
  plan.step_failed("job", Plan::Step::launch, "no store", false, now);
  EXPECT_EQ(now + 1s, plan.next(wall, now)) << "what adds nothing is tried as ever";
}

TEST_F(PlanTest, AJobHeldWhileItWasBeingStartedIsLookedAtAgain) {
  line_up("job");
  steps();
  EXPECT_FALSE(notice("job", State::queued)) << "its own step will see it";
  plan.step_done("job", {Next::line_up, {}}, now);
  EXPECT_EQ(Ids{"job"}, plan.take_arrivals());
  EXPECT_TRUE(plan.is_idle());
}

TEST_F(PlanTest, AnArrivalWithASlotWaitsForItsEnd) {
  line_up("job");
  steps();
  line_up("job");
  EXPECT_EQ(Ids{"job"}, plan.take_arrivals());
  plan.step_done("job", {}, now);
  EXPECT_EQ(Ids{}, steps()) << "it is not in the queue yet";
}

// The store failed between the two.
TEST_F(PlanTest, NeedsThatCouldNotBeLookedAtAreLookedAtAgain) {
  const JobQueue::Job job{"job", "default", 0, false, {"need", "other"}};
  plan.line_up("job", job, now);
  plan.need_ended("other", true, now);
  plan.arrival_failed("job", "no");
  EXPECT_EQ(Ids{"job"}, plan.take_arrivals());
  EXPECT_EQ(std::set<std::string>{"need"}, plan.line_up("job", job, now));
}

TEST_F(PlanTest, AJobWhoseNeedFailedIsEndedAndNotStarted) {
  line_up("job", {"need"});
  EXPECT_EQ(Ids{}, steps());
  EXPECT_TRUE(notice("need", State::failed));
  EXPECT_EQ("dependency", plan.endings().due(now).at("job").reason);
  EXPECT_EQ(Ids{}, steps());
}

TEST_F(PlanTest, AFailedJobHandsItsDependentsOnToItsRetry) {
  line_up("job", {"need"});
  Commit failed = commit("need", State::failed);
  failed.retry = true;
  EXPECT_TRUE(plan.notice(failed, now));
  EXPECT_EQ(std::set<std::string>{"need"}, plan.retries());
  EXPECT_TRUE(plan.endings().due(now).empty());
  notice(retry_id("need"), State::succeeded);
  EXPECT_EQ(Ids{"job"}, steps());
}

TEST_F(PlanTest, AJobThatWasOverBeforeIsNoNews) {
  line_up("job", {"need"});
  Commit again = commit("need", State::failed);
  again.ended = false;
  EXPECT_FALSE(plan.notice(again, now));
  EXPECT_TRUE(plan.endings().due(now).empty());
}

TEST_F(PlanTest, AnExternalJobsCancelIsToldOnce) {
  Commit canceled = commit("job", State::running);
  canceled.external = true;
  EXPECT_FALSE(plan.notice(canceled, now));
  canceled.cancel_requested = true;
  EXPECT_TRUE(plan.notice(canceled, now));
  EXPECT_FALSE(plan.notice(canceled, now));
  EXPECT_EQ("cancel", plan.endings().due(now + config.run.cancel_grace).at("job").reason);
}

TEST_F(PlanTest, ARunIsOverdueWhenItsRunnerDoesNotEndIt) {
  run("job");
  Commit canceled = commit("job", State::running);
  canceled.cancel_requested = true;
  EXPECT_TRUE(plan.notice(canceled, now));
  now = Plan::Clock::now() + config.patience();
  EXPECT_EQ(Ids{"job"}, plan.take_overdue(now));
  EXPECT_EQ("run-job", plan.overdue("job")->run_id);
  EXPECT_EQ(1, plan.overdue("job")->runner.pid);
  EXPECT_EQ("cancel", plan.overdue("job")->verdict->reason);
}

TEST_F(PlanTest, AJobThatIsNotRunIsNeverOverdue) {
  EXPECT_FALSE(plan.overdue("job"));
  line_up("job");
  steps();
  EXPECT_FALSE(plan.overdue("job")) << "no runner has begun";
}

TEST_F(PlanTest, ARunnerThatCannotBeSeenIsLookedForAgain) {
  run("job");
  plan.runner_ended("job", false);
  EXPECT_TRUE(plan.pidfds().empty());
  plan.step_done("job", {Next::look_again, {}}, now);
  EXPECT_EQ(Ids{}, steps());
  now += 1s;
  EXPECT_EQ(Ids{"job"}, steps());
  plan.step_done("job", watched(), now);
  EXPECT_EQ(1u, plan.pidfds().count("job"));
}

TEST_F(PlanTest, WhatAnEarlierDaemonLeftIsTakenUp) {
  Unfinished job{Takeover::settle, {}, {}};
  job.fixed.request = Json::object();
  job.fixed.job_id = "ran", job.fixed.run_id = "run-ran";
  plan.take_over(job, now);
  job.what = Takeover::line_up, job.fixed.job_id = "waits";
  plan.take_over(job, now);
  job.what = Takeover::retry, job.fixed.job_id = "failed";
  plan.take_over(job, now);
  job.what = Takeover::leave, job.fixed.job_id = "external", job.head.cancel_requested = 1;
  plan.take_over(job, now);
  EXPECT_EQ((std::map<std::string, std::string>{{"run-ran", "ran"}}), plan.runs());
  EXPECT_EQ(Ids{"waits"}, plan.take_arrivals());
  EXPECT_EQ(std::set<std::string>{"failed"}, plan.retries());
  EXPECT_EQ(1u, plan.endings().due(now + config.run.cancel_grace).count("external"));
}

TEST_F(PlanTest, AJobOfATimeBefore1970Starts) {
  wall = -86'400'000'000;
  line_up("job");
  EXPECT_EQ(Ids{"job"}, steps());
}

// The wall clock is set: what waits for a time of day sees it, what waits for a while does not.
TEST_F(PlanTest, ABackoffIsCountedByAClockThatNobodySets) {
  plan.line_up("retry", JobQueue::Job{"retry", "default", 0, false, {}, wall + 1, 60s}, now);
  plan.line_up("dated", JobQueue::Job{"dated", "default", 0, false, {}, wall + 3600'000'000}, now);
  wall -= 24ll * 3600 * 1'000'000;
  now += 59s;
  EXPECT_EQ(Ids{}, steps());
  EXPECT_EQ(now + 1s, plan.next(wall, now));
  EXPECT_EQ("its time has not come: not before " + format_time(wall + 1'000'000), why("retry"));
  now += 1s;
  EXPECT_EQ(Ids{"retry"}, steps());
  plan.step_done("retry", {}, now);
  wall += 48ll * 3600 * 1'000'000;
  EXPECT_EQ(Ids{"dated"}, steps());
}

TEST_F(PlanTest, AJobThatComesBackToTheQueueHasHadItsBackoff) {
  const JobQueue::Job job{"job", "default", 0, false, {}, wall, 60s};
  plan.line_up("job", job, now);
  now += 60s;
  EXPECT_EQ(Ids{"job"}, steps());
  plan.step_done("job", {Next::line_up, {}}, now);  // it was held meanwhile
  plan.line_up("job", job, now);
  EXPECT_EQ(Ids{"job"}, steps());
}

Commit external_job(State state, std::uint64_t first) {
  Commit out;
  out.job_id = "job", out.state = state, out.external = true;
  out.created = first == 1, out.expires = 10s;
  out.ended = is_terminal(state);
  return out;
}

TEST_F(PlanTest, AProducerThatNeverBeginsIsWaitedForNoLongerThanTheJobSays) {
  EXPECT_TRUE(plan.notice(external_job(State::queued, 1), now)) << "there is a new end to wait for";
  EXPECT_EQ(now + 10s, plan.next(wall, now));
  EXPECT_TRUE(plan.endings().due(now + 9s).empty());
  const auto ending = plan.endings().due(now + 10s).at("job");
  EXPECT_EQ(State::failed, ending.to);
  EXPECT_EQ("lost", ending.reason);
  EXPECT_EQ("no producer of it was heard within 10 s (expires_s)", ending.message);
}

TEST_F(PlanTest, AProducerIsWaitedForAnewWhenItSpoke) {
  plan.notice(external_job(State::queued, 1), now);
  plan.heard("job", now + 9s);
  EXPECT_FALSE(plan.notice(external_job(State::running, 2), now + 9s)) << "heard() told it";
  EXPECT_TRUE(plan.endings().due(now + 18s).empty());
  EXPECT_EQ("its producer was not heard for 10 s (expires_s)",
            plan.endings().due(now + 19s).at("job").message);
  plan.notice(external_job(State::succeeded, 3), now + 18s);
  EXPECT_TRUE(plan.endings().due(now + 19s).empty());
}

TEST_F(PlanTest, ARestartWaitsForAProducerAnew) {
  Unfinished job{Takeover::leave, {}, {}};
  job.fixed.job_id = "job", job.fixed.request = {{"executor", "external"}, {"expires_s", 10}};
  plan.take_over(job, now);
  EXPECT_TRUE(plan.endings().due(now + 9s).empty());
  EXPECT_EQ("lost", plan.endings().due(now + 10s).at("job").reason);
}

// Its wall clock says that it began a day after now; its process says that it began with the
// machine.
TEST_F(PlanTest, ForHowLongARunHasLastedIsToldByItsRunnersProcess) {
  Unfinished job{Takeover::settle, {}, {}};
  job.fixed.job_id = "job", job.fixed.run_id = "run-job";
  job.fixed.request = {{"timeout_s", 0.001}};
  job.head.state = State::running, job.head.started = wall + 24ll * 3600 * 1'000'000;
  plan.take_over(job, now);
  EXPECT_EQ(Ids{}, plan.take_overdue(now + 1h)) << "its runner is not seen yet";
  plan.step_done("job", watched(), now);
  now = Plan::Clock::now();
  EXPECT_EQ(Ids{}, plan.take_overdue(now)) << "its runner gets its patience again";
  EXPECT_EQ(Ids{"job"}, plan.take_overdue(now + config.patience()));
  EXPECT_EQ("timeout", plan.verdict("job")->reason);
}

// For how long it stood still nobody tells, so the daemon's own deadline is a later one.
TEST_F(PlanTest, ARunThatWasPausedHasItsWholeTimeAgainAfterARestart) {
  Unfinished job{Takeover::settle, {}, {}};
  job.fixed.job_id = "job", job.fixed.run_id = "run-job";
  job.fixed.request = {{"timeout_s", 3600}};
  job.head.state = State::running, job.head.marks = JobHead::kWasPaused;
  plan.take_over(job, now);
  plan.step_done("job", watched(), now);
  EXPECT_EQ(Ids{}, plan.take_overdue(now + 3599s));
  EXPECT_EQ(Ids{}, plan.take_overdue(now + 3601s)) << "its runner's patience begins";
  EXPECT_EQ(Ids{"job"}, plan.take_overdue(now + 3602s + config.patience()));
}

// What other nodes run of a queue counts, until one of these jobs is over.
TEST_F(PlanTest, SlotsOfOtherNodesAreCounted) {
  config.queues = {{"default", 1}};
  plan.use(config);
  plan.saw_holders("default", {"other"});
  line_up("job");
  EXPECT_EQ(Ids{}, steps());
  const JobQueue::Job job{"job", "default", 0, false, {}};
  EXPECT_EQ("the one slot of the queue 'default' is taken", plan.waiting(job, wall, now).why());
  EXPECT_EQ(Ids{"other"}, plan.turn(job, wall, now).holders);
  EXPECT_TRUE(notice("other", State::succeeded));
  EXPECT_EQ(Ids{"job"}, steps());
}

TEST_F(PlanTest, ASlotThatIsAJobsOwnIsNotInItsWay) {
  config.queues = {{"default", 1}};
  plan.use(config);
  plan.saw_holders("default", {"job"});
  line_up("first");
  line_up("job");
  EXPECT_EQ(Ids{"job"}, steps());
}

TEST_F(PlanTest, ATimeThatIsFarAwayIsLookedAtInBetween) {
  plan.line_up("job", JobQueue::Job{"job", "default", 0, false, {}, INT64_MAX - 1}, now);
  EXPECT_EQ(now + 60s, plan.next(wall, now));
  plan.line_up("soon", JobQueue::Job{"soon", "default", 0, false, {}, wall + 2'000'000}, now);
  EXPECT_EQ(now + 2s, plan.next(wall, now));
}

}  // namespace
}  // namespace domed::test
