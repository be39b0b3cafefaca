#include "jobs/launch.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <fstream>

#include "base/units.h"
#include "jobs/recovery.h"
#include "jobs_fixture.h"
#include "support/no_descriptors.h"

namespace domed::test {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define DOMED_SANITIZED
#endif
#endif
#if defined(DOMED_SANITIZED) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

TEST(SiteOf, HasTheFenceWhereTheRequestChoseTheDirectory) {
  JobFixed job;
  job.request = {{"tool_id", "t"}, {"cwd", "/in/x"}};
  job.tool = {{"id", "t"}, {"cwd", "/own"}, {"accepts", {{"cwd", {"/in"}}}}};
  EXPECT_EQ((std::vector<std::string>{"/in"}), site_of({}, job, Door::ipc).below);
  EXPECT_EQ("/in/x", site_of({}, job, Door::network).cwd);
  job.request.erase("cwd");
  EXPECT_FALSE(site_of({}, job, Door::ipc).below);
  EXPECT_EQ("/own", site_of({}, job, Door::ipc).cwd);
}

class LaunchTest : public JobsTest {
 protected:
  LaunchTest() {
    std::ofstream(config.runner) << "#!/bin/bash\nread line <&3\n";
    std::filesystem::permissions(config.runner, std::filesystem::perms::owner_all);
    submit(journal, "job");
  }
  StepOutcome launch(const std::function<void()>& begins = [] {}) {
    StepOutcome out = domed::launch(context, {"ipc:///x"}, "job", [&](const auto&) { begins(); });
    if (out.runner.process.pid > 0) waitpid(out.runner.process.pid, nullptr, 0);
    return out;
  }
  // What the job's log tells, one word for each event.
  std::vector<std::string> log() {
    std::vector<std::string> out;
    const auto slice = store.read("job", 1, 100, 1 << 20, Direction::forward);
    std::istringstream lines(slice->events);
    for (std::string line; std::getline(lines, line);) {
      const Event event = read_line(line).event;
      std::string word = event.to ? std::string(state_name(*event.to)) : event.type;
      if (event.type == "assigned") word += " " + event.node;
      out.push_back(word);
    }
    return out;
  }
  // How the batch with `running` is answered that a runner with "token" sends.
  std::string running(const std::string& token, const std::string& found = "{}") {
    Batch batch;
    batch.producer_id = "p" + token, batch.producer_token = token, batch.number = 1;
    batch.events = read_events(Json::array({change_to("running")}).dump());
    batch.provenance = found;
    return error_name([&] {
      journal.run("job", [&](JobLog& to) {
        AppendResult ignored;
        to.append(batch, true, ignored);
      });
    });
  }
  void assign(const std::string& token) {
    journal.run("job", [&](JobLog& to) { to.assign("node-1", token); });
  }
  std::string hold() {
    return error_name([&] { journal.run("job", [](JobLog& to) { to.hold(true, ""); }); });
  }
  // The next daemon's first look at the job.
  Takeover restart() { return take_over(context, Runners(config.runner), "job")->what; }
  using Log = std::vector<std::string>;
};

TEST_F(LaunchTest, AStartIsClaimedBeforeThereIsARunner) {
  EXPECT_EQ(StepOutcome::Next::watch, launch([&] { EXPECT_EQ(Log{"queued"}, log()); }).next);
  EXPECT_EQ((Log{"queued", "assigned node-1"}), log());
  EXPECT_TRUE(head("job").is_assigned());
  EXPECT_EQ(std::vector<std::string>{"node=node-1"}, store.find("job")->columns.tags);
  EXPECT_EQ("E_INVALID_TRANSITION", hold());
}

TEST_F(LaunchTest, ProvenanceAndRunningAreOneCommit) {
  assign("t1");
  const int before = store.commits;
  EXPECT_EQ("", running("t1"));
  EXPECT_EQ(1, store.commits - before);
  EXPECT_EQ((Log{"queued", "assigned node-1", "provenance", "running"}), log());
}

TEST_F(LaunchTest, NoRunBeginsWithoutProvenance) {
  assign("t1");
  EXPECT_EQ("E_INTERNAL", running("t1", ""));
  EXPECT_EQ((Log{"queued", "assigned node-1"}), log());
}

TEST_F(LaunchTest, AStartWithoutRoomIsTakenBackAndMayBeHeld) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs descriptors of its own";
  {
    std::optional<testing::NoDescriptors> full;
    EXPECT_THROW(launch([&] { full.emplace(); }), Error);
  }
  EXPECT_EQ((Log{"queued", "assigned node-1", "assigned "}), log());
  EXPECT_FALSE(head("job").run_token);
  EXPECT_EQ("", head("job").node);
  EXPECT_EQ("", hold());
  EXPECT_EQ(StepOutcome::Next::line_up, launch().next);
}

TEST_F(LaunchTest, WhatIsNoQueuedCommandIsAssignedToNobody) {
  submit(journal, "external", {{"executor", "external"}, {"cwd", "/"}});
  submit(journal, "held", {{"command", {"true"}}, {"hold", true}});
  submit(journal, "over");
  finish("over", State::failed);
  for (const char* id : {"external", "held", "over"}) {
    const auto assigned = [&] { journal.run(id, [](JobLog& to) { to.assign("node-1", "t1"); }); };
    EXPECT_EQ("E_INVALID_TRANSITION", error_name(assigned)) << id;
  }
}

TEST_F(LaunchTest, EachStartEndsTheOneBefore) {
  assign("t1");
  assign("t2");
  EXPECT_EQ("E_UNAUTHORIZED", running("t1"));
  EXPECT_EQ("", running("t2"));
  EXPECT_EQ(2u, head("job").assigned);
}

TEST_F(LaunchTest, ACancelEndsAnAssignedJobAndItsRunnerExecutesNothing) {
  assign("t1");
  journal.run("job", [](JobLog& to) { to.request_cancel(""); });
  EXPECT_EQ(State::canceled, head("job").state);
  EXPECT_EQ("E_SEALED", running("t1"));
  EXPECT_EQ((Log{"queued", "assigned node-1", "cancel_requested", "canceled"}), log());
  EXPECT_EQ(StepOutcome::Next::release, launch().next) << "nor is another one started";
}

TEST_F(LaunchTest, ACancelBeforeTheClaimLeavesNothingToStart) {
  const auto cancel = [&] { journal.run("job", [](JobLog& to) { to.request_cancel(""); }); };
  EXPECT_EQ(StepOutcome::Next::release, launch(cancel).next);
  EXPECT_EQ((Log{"queued", "cancel_requested", "canceled"}), log());
  EXPECT_FALSE(run_dir("job").exists());
}

TEST_F(LaunchTest, AClaimWhoseAnswerWasLostIsMadeAgain) {
  store.lates = 1;
  EXPECT_ANY_THROW(launch());
  store.land(true);
  EXPECT_EQ(StepOutcome::Next::watch, launch().next);
  EXPECT_EQ((Log{"queued", "assigned node-1", "assigned node-1"}), log());
}

// The daemon died just after the claim.
TEST_F(LaunchTest, AClaimWithoutARunnerIsTakenBackByTheNextDaemon) {
  assign("t1");
  EXPECT_EQ(Takeover::line_up, restart());
  EXPECT_EQ((Log{"queued", "assigned node-1", "assigned "}), log());
  EXPECT_EQ("E_UNAUTHORIZED", running("t1"));
  EXPECT_EQ(Takeover::line_up, restart());
  EXPECT_EQ(3u, log().size()) << "once";
  EXPECT_EQ(StepOutcome::Next::watch, launch().next);
}

// It died when the directory was there, or after the runner was spawned, which died too.
TEST_F(LaunchTest, ARunThatSaidNothingIsTakenBackByTheNextDaemon) {
  launch();
  EXPECT_TRUE(run_dir("job").exists());
  EXPECT_EQ(Takeover::line_up, restart());
  EXPECT_FALSE(run_dir("job").exists()) << "a runner that only begins has nowhere to be";
  EXPECT_EQ((Log{"queued", "assigned node-1", "assigned "}), log());
}

TEST_F(LaunchTest, WhatCannotBeTakenBackIsStartedAllTheSame) {
  assign("t1");
  store.failures = 1;
  EXPECT_EQ(Takeover::line_up, restart());
  EXPECT_NE(std::string::npos, said.find("job job cannot be taken back")) << said;
  EXPECT_EQ(StepOutcome::Next::watch, launch().next);
  EXPECT_EQ("E_UNAUTHORIZED", running("t1"));
}

// It died when the batch with `running` had come, and lay in the spool of a runner that died too:
// what nobody had found out is found out now.
TEST_F(LaunchTest, ASpoolThatBeginsWithRunningBringsItsProvenance) {
  launch();
  std::ofstream(run_dir("job").path() / "child.json") << "{}";
  std::ofstream(run_dir("job").path() / "spool")
      << R"({"job_id":"job","producer_id":"p","batch":1,"events":[)" << change_to("running").dump()
      << "]}\n";
  EXPECT_EQ(Takeover::settle, restart());
  settle(context, {"job", "run-job", false}, [] { return std::nullopt; });
  EXPECT_EQ((Log{"queued", "assigned node-1", "provenance", "running", "failed"}), log());
  EXPECT_EQ("lost", head("job").reason);
}

// By the release before: the provenance stands in the log of a job that is still queued.
TEST_F(LaunchTest, AStartOfTheReleaseBeforeIsGoneOnWith) {
  const JobRecord record = *store.find("job");
  JobHead old = head_of(record);
  JobFixed with = fixed_of(record);
  const std::string line =
      encode_line("\"job\"", 2, format_time(old.last_ts), "provenance", R"({"old":1})") + "\n";
  const std::vector<std::uint32_t> ends{static_cast<std::uint32_t>(line.size())};
  old.head_seq = 2, old.has_provenance = true, with.provenance = R"({"old":1})";
  old.digest = chain(old.digest, std::string_view(line).substr(0, line.size() - 1));
  old.revision = environment.revision();
  const std::string old_head = old.encode(), old_fixed = with.encode();
  Entry entry;
  entry.job_id = "job", entry.base = 1, entry.events = line, entry.ends = ends;
  entry.expected_revision = record.revision, entry.revision = old.revision;
  entry.head = old_head, entry.fixed = old_fixed, entry.columns = record.columns;
  ASSERT_EQ(Outcome::done, store.commit({&entry, 1}).at(0));
  Journal next(store, environment, [](const Commit&) {});
  const auto run = [&](const std::function<void(JobLog&)>& change) { next.run("job", change); };
  EXPECT_EQ("E_INVALID_TRANSITION",
            error_name([&] { run([](JobLog& to) { to.hold(true, ""); }); }));
  run([](JobLog& to) { to.take_back(); });
  run([](JobLog& to) { to.assign("node-1", "t1"); });
  run([](JobLog& to) {
    Batch batch;
    batch.producer_id = "p", batch.producer_token = "t1", batch.number = 1;
    batch.events = read_events(Json::array({change_to("running")}).dump());
    batch.provenance = R"({"new":1})";
    AppendResult ignored;
    to.append(batch, true, ignored);
  });
  next.stop();
  EXPECT_EQ((Log{"queued", "provenance", "assigned ", "assigned node-1", "running"}), log());
  EXPECT_EQ(R"({"old":1})", fixed("job").provenance);
}

class CountingCollector final : public Collector {
 public:
  std::string collect(const CollectRequest&) override { return ++asked, R"({"ref":"main"})"; }
  std::atomic<int> asked{0};
};

TEST_F(LaunchTest, WhatWasFoundForAStartIsNotLookedForAgain) {
  const auto collector = std::make_shared<CountingCollector>();
  Source source;
  source.name = "c", source.fields = {"ref"}, source.collector = collector;
  const Provenance real({source}, [](const std::string&) {});
  FirstLooks found(real, settings);
  found.begin(fixed("job"));
  EXPECT_EQ("main", Json::parse(found.result(fixed("job"), Door::ipc))["ref"]);
  EXPECT_EQ("main", Json::parse(found.result(fixed("job"), Door::ipc))["ref"]);
  EXPECT_EQ(1, collector->asked);
  found.forget("job");
  found.result(fixed("job"), Door::ipc);
  EXPECT_EQ(2, collector->asked) << "a daemon that was restarted looks then";
}

}  // namespace
}  // namespace domed::test
