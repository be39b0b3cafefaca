#include "jobs/scheduler.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>

#include "base/note.h"
#include "log/records.h"
#include "log/retry.h"
#include "support/faulty_store.h"
#include "support/harness.h"

namespace domed::test {
namespace {

using namespace std::chrono_literals;

// A scheduler whose runners are shell scripts of the test's own.  "go" is a fifo
// that they may wait at.
class SchedulerTest : public ::testing::Test {
 protected:
  SchedulerTest() {
    config.run.state_dir = scratch.path();
    config.run.cancel_grace = 0ms;
    config.runner = scratch.path() / "runner";
    config.node = "node-1";
    config.retry = 1ms;
    config.max_running = 1;
    mkfifo(path("go").c_str(), 0600);
    mkfifo(path("ready").c_str(), 0600);
    runner("cp ../../spool spool");
  }
  ~SchedulerTest() override {
    std::unique_ptr<Scheduler> doomed;
    {
      std::lock_guard lock(mutex);
      doomed = std::move(scheduler);
    }
    doomed.reset();
    journal.stop();
  }

  std::string path(const std::string& name) const { return scratch.path() / name; }

  // The runner runs "script" in its directory.
  void runner(const std::string& script) {
    std::ofstream(config.runner) << "#!/bin/bash\ncd \"$1\"\n" << script << "\n";
    std::filesystem::permissions(config.runner, std::filesystem::perms::owner_all);
  }
  // What a runner that worked would have left.
  void spool(const std::string& job) {
    std::ofstream out(path("spool"));
    const auto batch = [&](int number, const Json& events) {
      out << Json{{"job_id", job},
                  {"producer_id", "p"},
                  {"producer_token", "t"},
                  {"batch", number},
                  {"events", events}}
                 .dump()
          << "\n";
    };
    batch(1, Json::array({change_to("running")}));
    batch(2, Json::array({log_event("said")}));
    batch(3, Json::array({change_to("succeeded")}));
  }
  // For a job whose token the kernel chose.
  void spool_with_its_token(const std::string& job) {
    spool(job);
    runner("sed \"s/\\\"t\\\"/$(jq .producer_token <&3)/\" ../../spool > spool");
  }
  void make() {
    auto made = std::make_unique<Scheduler>(
        store, journal, environment, provenance, config,
        [this](Level, const std::string& line) { say(line); }, troubles);
    std::lock_guard lock(mutex);
    scheduler = std::move(made);
  }
  void wait_for(const std::string& id, const std::string& state) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return states[id] == state; });
  }
  void tell(const std::string& fifo) { std::ofstream(path(fifo)) << "now\n"; }
  void hear(const std::string& fifo) {
    for (std::string line;;) {
      std::ifstream in(path(fifo));
      if (std::getline(in, line)) return;  // else who spoke before was still closing it
    }
  }
  // The first batch of a job's producer.
  static Batch begin() {
    Batch batch;
    batch.producer_id = "p", batch.is_of_run = true, batch.number = 1;
    batch.events = read_events(Json::array({change_to("running")}).dump());
    batch.provenance = "{}";
    return batch;
  }
  std::string config_runner() const { return config.runner; }
  // One that is alive, and does nothing, for as long as the result lives.
  struct Living {
    Fd pidfd;
    Process process;
    ~Living() { send_signal(process, SIGKILL), waitpid(process.pid, nullptr, 0); }
  };
  Living living_runner(const RunDir& dir) {
    runner("exec 3<&-; echo > ../../ready; read line < ../../go");
    Runner made = spawn_runner(config.runner, dir, "{}");
    hear("ready");
    return {std::move(made.pidfd), made.process};
  }
  JobHead head(const std::string& id) { return JobHead::decode(store.find(id)->head); }
  bool has_run(const std::string& id) const {
    return std::filesystem::exists(scratch.path() / "runs" / ("run-" + id));
  }
  void say(const std::string& line) {
    std::lock_guard lock(mutex);
    said += line + "\n";
    changed.notify_all();
  }
  void wait_for_word(const std::string& word) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return said.find(word) != std::string::npos; });
  }
  std::string heard() {
    std::lock_guard lock(mutex);
    return said;
  }

  Scratch scratch;
  FixedEnvironment environment;
  FaultyStore store{open_store("store-memory", scratch.path())};
  Provenance provenance{{}, [](const std::string&) {}};
  SchedulerConfig config;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, std::string> states;
  std::string said;
  Troubles troubles{[this](Troubles::Word, const std::string& text) { say(text); }};
  std::unique_ptr<Scheduler> scheduler;
  Journal journal{store, environment, [this](const Commit& commit) {
                    std::lock_guard lock(mutex);
                    states[commit.job_id] = state_name(commit.state);
                    if (scheduler) scheduler->notice(commit);
                    changed.notify_all();
                  }};
};

TEST_F(SchedulerTest, ASpoolIsKeptUntilTheStoreTakesIt) {
  runner("read line < ../../go; cp ../../spool spool");
  spool("job");
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "job");
  std::ofstream go(path("go"));
  store.failures = 3;
  go << "now" << std::endl;
  wait_for("job", "succeeded");
  EXPECT_EQ(0, store.failures);
  EXPECT_EQ(5u, head("job").streams.at(0).bytes);
  scheduler->stop();
  EXPECT_FALSE(has_run("job"));
}

TEST_F(SchedulerTest, WhatTheRunnerWasNotToldOfIsNoReasonToStop) {
  runner("read line < ../../go; cp ../../spool spool");
  spool("job");
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "job");
  std::ofstream go(path("go"));
  for (int number = 1; number <= 70; ++number)  // more than are kept for a replay
    journal.run("job", [&](JobLog& log) {
      Batch batch;
      batch.producer_id = "p", batch.is_of_run = true,
      batch.number = static_cast<std::uint64_t>(number);
      batch.events = read_events(number == 1 ? Json::array({change_to("running")}).dump()
                                             : R"([{"type":"x-a","payload":{}}])");
      batch.provenance = "{}";
      AppendResult ignored;
      log.append(batch, true, ignored);
    });
  std::ofstream(path("spool"), std::ios::app)
      << Json{{"job_id", "job"},
              {"producer_id", "p"},
              {"producer_token", "t"},
              {"batch", 71},
              {"events", Json::array({change_to("failed")})}}
             .dump()
      << "\n";
  go << "now" << std::endl;
  wait_for("job", "failed");
  EXPECT_EQ("reported", head("job").reason) << head("job").message;
}

TEST_F(SchedulerTest, AStartThatTheStoreFailedIsTriedAgain) {
  spool("job");
  make();
  submit(journal, "job");
  store.failures = 2;
  scheduler->start({"ipc:///x"});
  wait_for("job", "succeeded");
  EXPECT_NE(std::string::npos, heard().find("tried again")) << heard();
}

TEST_F(SchedulerTest, ACancelThatTheStoreFailedIsTriedAgain) {
  make();
  submit(journal, "job", {{"executor", "external"}});
  journal.run("job", [](JobLog& log) {
    AppendResult ignored;
    log.append(begin(), true, ignored);
  });
  journal.run("job", [](JobLog& log) { log.request_cancel("enough"); });
  store.failures = 2;
  scheduler->start({"ipc:///x"});
  wait_for("job", "canceled");
}

TEST_F(SchedulerTest, ADrainWaitsForWhatRunsAndStartsNothing) {
  runner("echo > ../../ready; read line < ../../go; cp ../../spool spool");
  spool("first");
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "first");
  hear("ready");
  submit(journal, "second");
  auto drained = std::async([this] { return scheduler->drain(std::stop_token()); });
  submit(journal, "third");
  tell("go");
  EXPECT_TRUE(drained.get());
  EXPECT_EQ(State::succeeded, head("first").state);
  EXPECT_EQ(State::queued, head("second").state);
  EXPECT_EQ(State::queued, head("third").state);
}

TEST_F(SchedulerTest, ADrainEndsWhenItIsToldTo) {
  runner("echo > ../../ready; read line < ../../go");
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "job");
  hear("ready");
  std::stop_source stop;
  auto drained = std::async([&] { return scheduler->drain(stop.get_token()); });
  stop.request_stop();
  EXPECT_FALSE(drained.get());
  auto again = std::async([&] { return scheduler->drain(std::stop_token()); });
  scheduler->stop();
  again.get();
  tell("go");
}

// The runner of an earlier daemon was slow to start; ours finds its lock taken.
TEST_F(SchedulerTest, ARunnerThatCameFirstIsAdopted) {
  runner(
      "( exec 9>lock; flock 9; echo > ../../ready; read line < ../../go; cp ../../spool spool ) &\n"
      "read line < ../../ready");
  spool("job");
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "job");
  wait_for_word("adopted");
  tell("go");
  wait_for("job", "succeeded");
}

TEST_F(SchedulerTest, AHeldJobRunsWhenItIsReleased) {
  spool("held");
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "held", {{"command", {"true"}}, {"cwd", "/"}, {"hold", true}});
  submit(journal, "other");
  wait_for("other", "failed");
  EXPECT_EQ(State::queued, head("held").state);
  journal.run("held", [](JobLog& log) { log.hold(false, ""); });
  wait_for("held", "succeeded");
}

TEST_F(SchedulerTest, AJobWaitsForWhatItNeeds) {
  runner("echo > ../../ready; read line < ../../go; cp ../../spool spool");
  spool("first");
  config.max_running = 2;
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "first");
  hear("ready");
  submit(journal, "second",
         {{"command", {"true"}}, {"cwd", "/"}, {"depends_on", Json::array({"first"})}});
  submit(journal, "never",
         {{"command", {"true"}}, {"cwd", "/"}, {"depends_on", Json::array({"second"})}});
  EXPECT_EQ(State::queued, head("second").state);
  tell("go");
  hear("ready");
  EXPECT_EQ(State::succeeded, head("first").state);
  tell("go");  // the spool is not the second's: it is lost
  wait_for("never", "failed");
  EXPECT_EQ("dependency", head("never").reason);
  EXPECT_EQ(0, head("never").started);
}

Json tried_again(int attempts, int backoff_s) {
  return {{"command", {"true"}},
          {"cwd", "/"},
          {"retry", {{"max_attempts", attempts}, {"backoff_s", backoff_s}}}};
}

TEST_F(SchedulerTest, AJobThatFailedIsTriedAgainWhenItsTimeHasCome) {
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "job", tried_again(2, 60));
  const std::string next = retry_id("job");
  wait_for(next, "queued");
  submit(journal, "other");
  wait_for("other", "failed");
  EXPECT_EQ(State::queued, head(next).state) << "its time has not come";
  environment.time += 61'000'000;
  submit(journal, "another");
  wait_for("another", "failed");
  EXPECT_EQ(State::queued, head(next).state) << "nor has it by another clock";
  const Json request = JobFixed::decode(store.find(next)->fixed).request;
  EXPECT_EQ("job", request["retry_of"]);
  EXPECT_EQ(Json({{"max_attempts", 1}, {"backoff_s", 120.0}}), request["retry"]);
  EXPECT_FALSE(store.find(retry_id(next))) << "it was the last attempt";
}

TEST_F(SchedulerTest, JobsOfATimeBefore1970Run) {
  environment.time = -86'400'000'000;
  spool("job");
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "job");
  wait_for("job", "succeeded");
  EXPECT_LT(head("job").started, 0);
}

// The clock goes back by a day, before the job ends, between its end and its next attempt, or while
// that waits: as it happens.
TEST_F(SchedulerTest, AClockThatIsSetBackDelaysNoRetry) {
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "job", tried_again(2, 1));
  environment.time -= 24ll * 3600 * 1'000'000;
  wait_for(retry_id("job"), "failed");
}

TEST_F(SchedulerTest, AnExternalJobWhoseProducerIsSilentIsLost) {
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "never", {{"executor", "external"}, {"expires_s", 1}});
  submit(journal, "begun", {{"executor", "external"}, {"expires_s", 1}});
  journal.run("begun", [this](JobLog& log) {
    AppendResult result;
    log.append(begin(), true, result);
    EXPECT_TRUE(result.expires);
    scheduler->heard("begun");
  });
  wait_for("never", "failed");
  wait_for("begun", "failed");
  EXPECT_EQ("lost", head("never").reason);
  EXPECT_EQ("no producer of it was heard within 1 s (expires_s)", head("never").message);
  EXPECT_EQ("its producer was not heard for 1 s (expires_s)", head("begun").message);
}

TEST_F(SchedulerTest, AnExternalJobIsWaitedForAnewAfterARestart) {
  submit(journal, "job", {{"executor", "external"}, {"expires_s", 1}});
  make();
  scheduler->recover([](const std::string&, const JobHead&) {});
  scheduler->start({"ipc:///x"});
  wait_for("job", "failed");
  EXPECT_EQ("lost", head("job").reason);
}

// The daemon died between the end of a job and the job that tries it again.
TEST_F(SchedulerTest, ANextAttemptIsMadeOnceWhoeverMakesIt) {
  submit(journal, "job", tried_again(3, 0));
  journal.run("job", [](JobLog& log) { log.finish(State::failed, "lost", ""); });
  const std::string next = retry_id("job");
  EXPECT_FALSE(store.find(next));
  spool_with_its_token(next);
  for (int daemon = 0; daemon < 2; ++daemon) {
    make();
    scheduler->recover([](const std::string&, const JobHead&) {});
    scheduler->start({"ipc:///x"});
    wait_for(next, "succeeded");
    scheduler->stop();
  }
  EXPECT_EQ(2u, store.list({}).jobs.size());
  EXPECT_TRUE(unfinished_jobs(store).empty());
}

TEST_F(SchedulerTest, AJobThatWasToEndIsNotTriedAgain) {
  submit(journal, "job", tried_again(3, 0));
  journal.run("job", [](JobLog& log) {
    AppendResult ignored;
    log.append(begin(), true, ignored);
  });
  journal.run("job", [](JobLog& log) { log.request_cancel(""); });
  journal.run("job", [](JobLog& log) { log.finish(State::failed, "exit", ""); });
  EXPECT_EQ(State::failed, head("job").state);
  EXPECT_EQ(0, head("job").retry_at);
}

TEST_F(SchedulerTest, WhatNeedsAJobWaitsForItsLastAttempt) {
  spool_with_its_token(retry_id("first"));  // which the first attempt, of another id, cannot use
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "first", tried_again(2, 0));
  submit(journal, "second",
         {{"command", {"true"}}, {"cwd", "/"}, {"depends_on", Json::array({"first"})}});
  wait_for("second", "failed");
  EXPECT_EQ(State::failed, head("first").state);
  EXPECT_EQ(State::succeeded, head(retry_id("first")).state);
  EXPECT_EQ("lost", head("second").reason) << "it ran";
}

TEST_F(SchedulerTest, AQueueRunsNoMoreThanItMay) {
  config.max_running = 3;
  config.queues = {{"builds", 1}};
  for (const char* run : {"1", "2", "3"})  // one each: two readers would share a writer
    mkfifo(path(std::string("go-run-") + run).c_str(), 0600);
  runner("pwd >> ../../began; echo > ../../ready; read line < ../../go-${PWD##*/}");
  make();
  scheduler->start({"ipc:///x"});
  const Json build = {{"command", {"true"}}, {"cwd", "/"}, {"queue", "builds"}};
  submit(journal, "1", build);
  hear("ready");
  submit(journal, "2", build);
  submit(journal, "3");
  hear("ready");
  std::ifstream began(path("began"));
  std::string all{std::istreambuf_iterator<char>(began), {}};
  EXPECT_EQ(std::string::npos, all.find("run-2")) << all;
  tell("go-run-1"), tell("go-run-3");
  hear("ready");
  tell("go-run-2");
  wait_for("2", "failed");
}

TEST_F(SchedulerTest, EachRunnerIsAProducerOfItsOwn) {
  runner("cat <&3 >> ../../specs; echo >> ../../specs");
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "first");
  submit(journal, "second");
  wait_for("first", "failed");
  wait_for("second", "failed");
  std::ifstream specs(path("specs"));
  std::string first, second;
  std::getline(specs, first), std::getline(specs, second);
  EXPECT_NE(Json::parse(first)["producer_id"], Json::parse(second)["producer_id"]);
}

TEST_F(SchedulerTest, ARunnerThatFailedAtOnceIsQuoted) {
  runner("echo 'no such library' >&2; exit 1");
  make();
  scheduler->start({"ipc:///x"});
  submit(journal, "job");
  wait_for("job", "failed");
  EXPECT_EQ("lost", head("job").reason);
  EXPECT_NE(std::string::npos, head("job").message.find("no such library")) << head("job").message;
}

TEST_F(SchedulerTest, TheTroubleOfAJobEndsWithIt) {
  config.retry = 1h;
  make();
  submit(journal, "job");
  store.failures = 1;
  scheduler->start({"ipc:///x"});
  wait_for_word("job job: cannot be started now and is tried again");
  EXPECT_EQ(1u, troubles.present(Troubles::Clock::now()).size());
  journal.run("job", [](JobLog& log) { log.request_cancel(""); });
  wait_for_word("job job: works again");
  EXPECT_TRUE(troubles.present(Troubles::Clock::now()).empty());
}

TEST_F(SchedulerTest, ADamagedRecordCostsItsOwnJobOnly) {
  Entry entry;
  entry.job_id = "damaged";
  const std::string line = "{}\n";
  const std::vector<std::uint32_t> ends{3};
  entry.events = line, entry.ends = ends, entry.head = "rubbish", entry.fixed = "rubbish";
  const std::string revision = environment.revision();
  entry.revision = revision;
  entry.columns = {1, "queued", true, {}};
  store.commit({&entry, 1});
  submit(journal, "job");
  spool("job");
  make();
  std::vector<std::string> seen;
  scheduler->recover([&](const std::string& id, const JobHead&) { seen.push_back(id); });
  scheduler->start({"ipc:///x"});
  wait_for("job", "succeeded");
  EXPECT_EQ(std::vector<std::string>{"job"}, seen);
  EXPECT_NE(std::string::npos, heard().find("job damaged is left alone")) << heard();
}

TEST_F(SchedulerTest, RunsThatNobodyNeedsAreSweptAway) {
  RunDir gone(scratch.path() / "runs" / "gone"), held(scratch.path() / "runs" / "held");
  gone.create("unknown");
  held.create("unknown");
  const auto runner = living_runner(held);
  make();
  scheduler->recover([](const std::string&, const JobHead&) {});
  EXPECT_FALSE(gone.exists());
  EXPECT_TRUE(held.exists()) << "its runner lives";
}

// Its files say nothing of who it is.
TEST_F(SchedulerTest, AStrayRunnerIsEndedWhenItDoesNotEnd) {
  RunDir stray(scratch.path() / "runs" / "stray");
  stray.create("unknown");
  const auto runner = living_runner(stray);
  config.mute = 0ms;
  config.run.drain = 0ms;
  make();
  scheduler->recover([](const std::string&, const JobHead&) {});
  scheduler->start({"ipc:///x"});
  EXPECT_TRUE(wait_for_end(runner.pidfd, 60s));
}

TEST_F(SchedulerTest, OneBadRunCostsItsOwnJobOnly) {
  const auto runs = scratch.path() / "runs";
  std::filesystem::create_directories(runs);
  mkfifo((runs / "fifo").c_str(), 0600);
  std::filesystem::create_symlink("/dev/zero", runs / "link");
  std::ofstream(runs / "file") << "x";
  for (const char* id : {"lock", "spool"}) {
    submit(journal, id);
    journal.run(id, [](JobLog& log) {
      AppendResult ignored;
      log.append(begin(), true, ignored);
    });
    RunDir dir(runs / (std::string("run-") + id));
    dir.create(id);
    mkfifo((dir.path() / id).c_str(), 0600);
  }
  submit(journal, "job");
  spool("job");
  make();
  scheduler->recover([](const std::string&, const JobHead&) {});
  for (const char* id : {"lock", "spool"}) {
    EXPECT_EQ("lost", head(id).reason) << id;
    EXPECT_FALSE(has_run(id));
  }
  EXPECT_NE(std::string::npos, head("spool").message.find("is a FIFO")) << head("spool").message;
  scheduler->start({"ipc:///x"});
  wait_for("job", "succeeded");
}

// The build before kept the token in spec.json, and in each line of the spool.
TEST_F(SchedulerTest, ARunOfTheBuildBeforeIsSettled) {
  submit(journal, "job");
  journal.run("job", [](JobLog& log) {
    AppendResult ignored;
    log.append(begin(), true, ignored);
  });
  RunDir run(scratch.path() / "runs" / "run-job");
  run.create("job");
  std::ofstream(run.path() / "spec.json") << R"({"job_id":"job","producer_token":"t"})";
  std::ofstream(run.path() / "child.json")
      << R"({"pid":1,"start_time":1,"boot_id":")" << boot_id() << R"(","pgid":1,"pipes":[]})";
  spool("job");
  std::filesystem::copy(path("spool"), run.path() / "spool");
  make();
  scheduler->recover([](const std::string&, const JobHead&) {});
  EXPECT_EQ(State::succeeded, head("job").state) << head("job").message;
}

// A runner that reports "running" and then says no more; its job has a command below it.
class MuteRunnerTest : public SchedulerTest {
 protected:
  MuteRunnerTest() {
    config.run.drain = 0ms;
    config.mute = 0ms;
    runner(
        "cat <&3 > ../../spec; setsid sleep 1000 & echo $! > ../../command; echo > ../../ready; "
        "kill -STOP $$");
  }
  // Returns a pidfd of the command.
  Fd run(Json request = {{"command", {"true"}}, {"cwd", "/"}}) {
    make();
    scheduler->start({"ipc:///x"});
    submit(journal, "job", std::move(request));
    hear("ready");
    journal.run("job", [](JobLog& log) {
      AppendResult ignored;
      log.append(begin(), true, ignored);
    });
    pid_t pid = 0;
    std::ifstream(path("command")) >> pid;
    return open_process(identify(pid));
  }
};

TEST_F(MuteRunnerTest, IsEndedWhenItsJobIsCanceled) {
  const Fd command = run();
  journal.run("job", [](JobLog& log) { log.request_cancel("enough"); });
  wait_for("job", "canceled");
  EXPECT_EQ("cancel", head("job").reason);
  EXPECT_TRUE(wait_for_end(command, 60s));
}

TEST_F(MuteRunnerTest, IsEndedAtItsJobsTimeout) {
  const Fd command = run({{"command", {"true"}}, {"cwd", "/"}, {"timeout_s", 0.001}});
  wait_for("job", "failed");
  EXPECT_EQ("timeout", head("job").reason);
  EXPECT_TRUE(wait_for_end(command, 60s));
}

TEST_F(MuteRunnerTest, IsEndedWhenSomebodySealsItsLog) {
  const Fd command = run();
  journal.run("job", [](JobLog& log) {
    AppendResult ignored;
    Batch batch;
    batch.producer_id = "a thief", batch.is_of_run = true, batch.number = 1;
    batch.events = read_events(Json::array({change_to("succeeded")}).dump());
    log.append(batch, true, ignored);
  });
  EXPECT_TRUE(wait_for_end(command, 60s)) << "the victim runs on";
  EXPECT_EQ(State::succeeded, head("job").state);
}

TEST_F(MuteRunnerTest, IsEndedByTheNextDaemonToo) {
  const Fd command = run();
  scheduler->stop();
  journal.run("job", [](JobLog& log) { log.request_cancel("enough"); });
  make();
  scheduler->recover([](const std::string&, const JobHead&) {});
  scheduler->start({"ipc:///x"});
  wait_for("job", "canceled");
  EXPECT_TRUE(wait_for_end(command, 60s));
}

TEST_F(MuteRunnerTest, IsEndedThoughAStrangerHoldsItsLock) {
  const Fd command = run();
  const auto lock = RunDir(scratch.path() / "runs" / "run-job").lock();
  ASSERT_TRUE(lock);
  journal.run("job", [](JobLog& log) { log.request_cancel("enough"); });
  wait_for("job", "canceled");
  EXPECT_TRUE(wait_for_end(command, 60s));
}

// The runner is killed after its log was sealed, so that it cannot end its tree.
TEST_F(MuteRunnerTest, LeavesNothingWhenItDiesAfterItsJob) {
  config.mute = 1h;
  const Fd command = run();
  pid_t pid = 0;
  std::ifstream(path("command")) >> pid;
  RunDir dir(scratch.path() / "runs" / "run-job");
  std::ifstream spec(path("spec"));
  std::ofstream(dir.path() / "child.json") << signed_note(
      {{"pid", pid}, {"start_time", identify(pid).start_time}, {"boot_id", boot_id()}},
      Json::parse(spec)["producer_token"].get<std::string>());
  journal.run("job", [](JobLog& log) { log.finish(State::failed, "lost", ""); });
  for (const auto& runner : Runners(config_runner()).of(dir)) send_signal(runner, SIGKILL);
  EXPECT_TRUE(wait_for_end(command, 60s));
}

// Its store forgets its jobs, and cannot tell whose they are.
TEST_F(SchedulerTest, DirectoriesOfForgottenJobsAreSweptAway) {
  RunDir living(scratch.path() / "runs" / "living");
  living.create("b");
  const auto runner = living_runner(living);
  for (const char* job : {"a", "b"})
    std::filesystem::create_directories(scratch_dir(config.run, job));
  make();
  scheduler->recover([](const std::string&, const JobHead&) {});
  EXPECT_FALSE(std::filesystem::exists(scratch_dir(config.run, "a")));
  EXPECT_TRUE(std::filesystem::exists(scratch_dir(config.run, "b"))) << "its runner lives";
}

TEST_F(SchedulerTest, WhatRunsOnOfAForgottenJobIsKilled) {
  config.run.cgroup = scratch.path() / "cgroup";  // a plain directory, which takes what is written
  std::filesystem::create_directories(config.run.cgroup / "run-forgotten");
  RunDir run(scratch.path() / "runs" / "run-forgotten");
  run.create("forgotten");
  std::string mark = "DOMED_RUN_ID=run-forgotten";
  char *argv[] = {const_cast<char*>("sleep"), const_cast<char*>("1000"), nullptr},
       *env[] = {mark.data(), nullptr};
  pid_t pid = 0;
  ASSERT_EQ(0, posix_spawn(&pid, "/bin/sleep", nullptr, nullptr, argv, env));
  make();
  scheduler->recover([](const std::string&, const JobHead&) {});
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(SIGKILL, WTERMSIG(status));
  EXPECT_TRUE(std::filesystem::exists(config.run.cgroup / "run-forgotten" / "cgroup.kill"));
  EXPECT_FALSE(run.exists());
}

TEST_F(SchedulerTest, AQueuedJobOfAnEarlierDaemonIsStartedOnce) {
  submit(journal, "job");
  RunDir earlier(scratch.path() / "runs" / "run-job");
  earlier.create("job");  // its daemon died before the runner began
  spool("job");
  make();
  scheduler->recover([](const std::string&, const JobHead&) {});
  EXPECT_FALSE(earlier.exists());
  scheduler->start({"ipc:///x"});
  wait_for("job", "succeeded");
}

}  // namespace
}  // namespace domed::test
