// `OneOwner`, `OwnOnly` and `Takeover` on real records: nodes that meet in one place in memory,
// with clocks that the test turns, and no command that runs.
#include "base/units.h"
#include "jobs/retries.h"
#include "log/retry.h"
#include "node.h"

namespace domed::test {
namespace {

class OwnAndOthers : public NodesOfJobs {
 protected:
  std::unique_ptr<Node> a = node("a", 0), b = node("b", 100'000);
};

TEST_F(OwnAndOthers, EachSeesItselfAtOnce) {
  ASSERT_EQ(1u, a->lease.nodes().size());
  EXPECT_EQ("a", a->lease.nodes()[0].words.node);
  EXPECT_EQ(2u, b->lease.nodes().size());
}

TEST_F(OwnAndOthers, OneOwnerOfAClaim) {
  submit(a->journal, "j");
  a->claim("j");
  EXPECT_EQ(StepOutcome::Next::line_up, b->launches("j").next) << "for it may be back by now";
  EXPECT_EQ((Log{"queued", "assigned a"}), b->log("j"));
}

// Who lost looked at the record before, and its memory was right then.
TEST_F(OwnAndOthers, OneOwnerOfTwoWhoClaimAtOnce) {
  submit(b->journal, "j");
  EXPECT_EQ(StepOutcome::Next::line_up, b->launches("j", [&] { a->claim("j"); }).next);
  EXPECT_EQ((Log{"queued", "assigned a"}), b->log("j"));
  EXPECT_EQ("", a->append("j", 1, change_to("running")));
}

TEST_F(OwnAndOthers, OneOwnerNeedsALease) {
  submit(a->journal, "j");
  pass(15s, {b.get()});
  EXPECT_EQ("E_BUSY", error_name([&] { a->launches("j"); }));
  EXPECT_EQ(Log{"queued"}, a->log("j"));
  a->lease.beat();
  a->claim("j");
  pass(15s, {b.get()});
  EXPECT_EQ("E_BUSY", a->append("j", 1, change_to("running"))) << "and takes no `running`";
  a->lease.beat();
  EXPECT_EQ("", a->append("j", 1, change_to("running")));
}

TEST_F(OwnAndOthers, OneOwnerTakesTheRunning) {
  submit(a->journal, "j");
  a->claim("j");
  EXPECT_EQ("E_ELSEWHERE", b->append("j", 1, change_to("running")));
  EXPECT_EQ("", a->append("j", 1, change_to("running")));
}

// Whom the run asks watches it, and the record says so before anybody tells it how long.
TEST_F(OwnAndOthers, OwnOnlyIsWatchedWhereItAsks) {
  submit(a->journal, "j");
  a->runs("j");
  EXPECT_EQ("", b->append("j", 2, log_event("x")));
  EXPECT_EQ("b", a->head("j").watcher);
  EXPECT_EQ("a", a->head("j").node);
  EXPECT_EQ("", b->append("j", 2, log_event("x"))) << "a replay";
  EXPECT_EQ("", a->append("j", 2, log_event("x"))) << "and one where it was";
  EXPECT_EQ("a", a->head("j").watcher);
  EXPECT_EQ("", b->append("j", 3, change_to("succeeded")));
  EXPECT_EQ("", a->append("j", 3, change_to("succeeded"))) << "the end, whose answer was lost";
}

TEST_F(OwnAndOthers, OwnOnlyIsWatchedByALeaseAlone) {
  submit(a->journal, "j");
  a->runs("j");
  pass(15s, {a.get()});
  EXPECT_EQ("E_BUSY", b->append("j", 2, log_event("x")));
  EXPECT_EQ("a", a->head("j").watcher);
  EXPECT_EQ("", a->append("j", 2, log_event("x")));
}

// The node of a run is gone, and another one hears it: it lives as long as that does.
TEST_F(OwnAndOthers, TakeoverOfARunThatNobodyHears) {
  submit(a->journal, "j");
  a->runs("j");
  b->append("j", 2, log_event("x"));
  b->sees("j");
  for (int i = 0; i < 4; ++i) {
    pass(300s, {b.get()});
    b->lease.tell("j");
    EXPECT_EQ(Log{}, b->others.due());
  }
  pass(605s, {b.get()});
  ASSERT_EQ(Log{"j"}, b->others.due());
  b->others.take("j");
  EXPECT_EQ("lost", b->head("j").reason);
}

// What a second daemon did to the jobs of the first, merely by starting.
TEST_F(OwnAndOthers, OwnOnlyIsRecovered) {
  for (const char* job : {"claimed", "running"}) submit(a->journal, job);
  a->claim("claimed");
  a->runs("running");
  for (const char* job : {"claimed", "running"}) {
    const std::string before = b->store.find(job)->revision;
    EXPECT_EQ(Takeover::others, b->recovers(job));
    EXPECT_EQ(before, b->store.find(job)->revision);
  }
  submit(a->journal, "waiting");
  EXPECT_EQ(Takeover::line_up, b->recovers("waiting"));
  EXPECT_EQ(Takeover::line_up, a->recovers("claimed")) << "its own";
  EXPECT_EQ((Log{"queued", "assigned a", "assigned nobody"}), a->log("claimed"));
  EXPECT_EQ(Takeover::settle, a->recovers("running"));
}

TEST_F(OwnAndOthers, OwnOnlyImportsAreDropped) {
  const auto import = [&](Node& node, const std::string& job) {
    node.journal.run(job, [&](JobLog& log) {
      ImportPiece piece;
      piece.record.emplace();
      piece.record->fixed.job_id = job;
      piece.record->fixed.request = {{"executor", "external"}};
      piece.record->fixed.accepted_by = node.config.node;
      piece.record->log_id = piece.log_id = std::string(32, 'a');
      piece.lines = {read_line(encode_line(json_string(job), 1, format_time(clocks_.wall),
                                           "state_change", R"({"to":"queued"})"))};
      piece.last = false;
      log.import(piece);
    });
  };
  import(*a, "i");
  EXPECT_EQ(Takeover::others, b->recovers("i"));
  EXPECT_TRUE(b->store.find("i"));
  ASSERT_TRUE(a->store.find("i"));
  EXPECT_EQ(Takeover::drop, a->recovers("i"));
  EXPECT_FALSE(b->store.find("i"));
  import(*a, "k");
  b->sees("k");
  pass(605s, {b.get()});
  ASSERT_EQ(Log{"k"}, b->others.due());
  b->others.take("k");
  EXPECT_FALSE(b->store.find("k"));
}

// Its runner died without a word, and meanwhile the job went elsewhere: the directory goes, and
// nothing else.
TEST_F(OwnAndOthers, OwnOnlyIsSettled) {
  submit(a->journal, "j");
  a->claim("j");
  RunDir dir(run_path(a->config.run, "run-j"));
  dir.create("j");
  b->journal.run("j", [](JobLog& log) { log.take_back(); });
  b->runs("j");
  const std::string before = b->store.find("j")->revision;
  EXPECT_EQ(StepOutcome::Next::release, a->settles("j").next);
  EXPECT_EQ(before, b->store.find("j")->revision);
  EXPECT_FALSE(dir.exists());
}

TEST_F(OwnAndOthers, OwnOnlyIsSettledAlsoWhereItIsTakenMeanwhile) {
  submit(a->journal, "j");
  a->runs("j");
  const StepOutcome out = settle(a->context, {"j", "run-j", false}, [&] {
    b->journal.run("j", [](JobLog& log) { log.finish(State::failed, "lost", "by b"); });
    return std::nullopt;
  });
  EXPECT_EQ(StepOutcome::Next::release, out.next);
  EXPECT_EQ("by b", a->head("j").message);
}

TEST_F(OwnAndOthers, TakeoverOfWhatHadNotBegun) {
  submit(a->journal, "j");
  a->claim("j");
  b->sees("j");
  pass(595s, {b.get()});
  EXPECT_EQ(Log{}, b->others.due());
  pass(10s, {b.get()});
  ASSERT_EQ(Log{"j"}, b->others.due());
  b->others.take("j");
  EXPECT_EQ((Log{"queued", "assigned a", "assigned nobody"}), b->log("j"));
  EXPECT_EQ("E_UNAUTHORIZED", a->append("j", 1, change_to("running")))
      << "its runner, which comes late";
  EXPECT_EQ(StepOutcome::Next::release, b->launches("j").next)
      << "no runner is there to be spawned";
  EXPECT_EQ("b", b->head("j").node);
}

TEST_F(OwnAndOthers, TakeoverOfARun) {
  submit(a->journal, "j");
  a->runs("j");
  b->sees("j");
  pass(605s, {b.get()});
  ASSERT_EQ(Log{"j"}, b->others.due());
  b->others.take("j");
  EXPECT_EQ(State::failed, b->head("j").state);
  EXPECT_EQ("lost", b->head("j").reason);
  EXPECT_EQ("the node a was not heard for 10m 00s", b->head("j").message);
  EXPECT_EQ("E_UNAUTHORIZED", a->append("j", 2, log_event("late")));
  EXPECT_EQ(Log{}, b->others.due());
}

TEST_F(OwnAndOthers, TakeoverOfNobodyWhoLives) {
  submit(a->journal, "j");
  a->runs("j");
  b->sees("j");
  pass(2000s, {a.get(), b.get()});
  EXPECT_EQ(Log{}, b->others.due());
}

// A commit that landed late, or another node's answer: what was seen of the record before does not
// count.
TEST_F(OwnAndOthers, TakeoverCountsFromTheLastChangeOfTheRecord) {
  submit(a->journal, "j");
  a->runs("j");
  b->sees("j");
  pass(300s, {b.get()});
  a->append("j", 2, log_event("x"));  // no one told b of it
  pass(305s, {b.get()});
  ASSERT_EQ(Log{"j"}, b->others.due());
  b->others.take("j");
  EXPECT_EQ(State::running, b->head("j").state);
  EXPECT_EQ(Log{}, b->others.due()) << "it counts anew";
  pass(600s, {b.get()});
  b->others.take("j");
  EXPECT_EQ(State::failed, b->head("j").state);
}

TEST_F(OwnAndOthers, TakeoverNeedsALease) {
  submit(a->journal, "j");
  a->runs("j");
  b->sees("j");
  pass(605s, {b.get()});
  pass(15s, {});
  EXPECT_EQ(Log{}, b->others.due());
  b->others.take("j");
  EXPECT_EQ(State::running, b->head("j").state);
}

TEST_F(OwnAndOthers, TakeoverByTwoIsOne) {
  auto c = node("c", 200'000);
  submit(a->journal, "j", {{"command", {"true"}}, {"cwd", "/"}, {"retry", {{"max_attempts", 2}}}});
  a->runs("j");
  b->sees("j");
  c->sees("j");
  pass(605s, {b.get(), c.get()});
  b->others.take("j");
  const std::string after = b->store.find("j")->revision;
  c->others.take("j");
  EXPECT_EQ(after, b->store.find("j")->revision);
  // And both make the next attempt, which is one.
  make_next_attempt(b->context, "j");
  make_next_attempt(c->context, "j");
  EXPECT_EQ(Log{"queued"}, c->log(retry_id("j")));
  EXPECT_EQ(0, c->head("j").retry_at);
}

// Jobs come by the watch: a has nobody who starts them.
TEST_F(OwnAndOthers, WatchIntoTheScheduler) {
  b->config.policy = {"b", {"default"}, {}, true};
  b->serve("read line <&3");
  submit(a->journal, "first");
  b->await("first", [](const JobHead& head) { return head.state == State::failed; });
  EXPECT_EQ("b", b->head("first").node);
  submit(a->journal, "held", {{"command", {"true"}}, {"cwd", "/"}, {"hold", true}});
  a->journal.run("held", [](JobLog& log) { log.hold(false, ""); });
  b->await("held", [](const JobHead& head) { return head.state == State::failed; });
  // What it needs is over by another node's word.
  submit(a->journal, "need", {{"executor", "external"}});
  submit(b->journal, "needs",
         {{"command", {"true"}}, {"cwd", "/"}, {"depends_on", Json::array({"need"})}});
  a->journal.run("need", [](JobLog& log) { log.finish(State::failed, "reported", ""); });
  b->await("needs", [](const JobHead& head) { return head.reason == "dependency"; });
}

TEST_F(OwnAndOthers, OwnPolicyPassesOverWhatItsDeploymentWouldNotHaveTaken) {
  b->config.policy = {"b", {"default"}, {}, false};
  b->serve("read line <&3");
  submit(a->journal, "command");
  submit(b->journal, "after", {{"executor", "external"}});
  EXPECT_EQ(
      "this node passes it over, for it allows no commands but its tools; the node a does not "
      "say what it takes",
      b->scheduler->why_waiting(*b->store.find("command")));
  a->claim("command");
  EXPECT_EQ("it is being started by the node a",
            b->scheduler->why_waiting(*b->store.find("command")));
}

// What was passed over is looked at again when a deployment was changed.
TEST_F(OwnAndOthers, OwnPolicyTakesWhatItsDeploymentTakesByNow) {
  b->config.policy = {"b", {"default"}, {}, false};
  b->serve("read line <&3");
  submit(a->journal, "command");
  b->awaits_passing_over("command");
  b->config.policy.allow_ad_hoc = true;
  b->scheduler->use(b->config);
  b->await("command", [](const JobHead& head) { return head.state == State::failed; });
  EXPECT_EQ("b", b->head("command").node);
}

TEST_F(OwnAndOthers, OwnPolicyTellsWhatAllPassOverForAnHour) {
  b->config.policy = {"b", {"default"}, {}, false};
  b->serve("read line <&3");
  submit(a->journal, "command");
  submit(a->journal, "held", {{"command", {"true"}}, {"cwd", "/"}, {"hold", true}});
  b->awaits_passing_over("command");
  const auto told = [&](std::chrono::seconds later) {
    pass(later, {a.get(), b.get()});
    b->scheduler->look_at_others();
    return b->scheduler->passed_over();
  };
  EXPECT_EQ(0u, told(5s).jobs);
  EXPECT_EQ(0u, told(7200s).jobs) << "nobody knows what a takes";
  a->takes = {"a", {"gpu"}, {}, true};
  EXPECT_EQ(0u, told(5s).jobs);
  EXPECT_EQ(0u, told(3595s).jobs);
  const auto long_passed = told(5s);
  ASSERT_EQ(1u, long_passed.jobs);
  EXPECT_EQ("command", long_passed.first.at(0).job_id);
  EXPECT_EQ(
      "all nodes that live have passed over 1 job for 1h 00m: command (a does not serve the "
      "queue 'default', b allows no commands but its tools)",
      long_passed.words());
  EXPECT_EQ(long_passed.words(), b->troubles.present(Troubles::Clock::now()).at(0).text);
  EXPECT_EQ(
      "this node passes it over, for it allows no commands but its tools; the node a does not "
      "serve the queue 'default'",
      b->scheduler->why_waiting(*b->store.find("command")));
  // One that may take it lives, or does not any more.
  a->takes = {"a", {"default"}, {}, true};
  EXPECT_EQ(0u, told(5s).jobs);
  EXPECT_EQ(
      "this node passes it over, for it allows no commands but its tools; the node a may start "
      "it",
      b->scheduler->why_waiting(*b->store.find("command")));
  pass(20s, {b.get()});
  b->scheduler->look_at_others();
  pass(3600s, {b.get()});
  b->scheduler->look_at_others();
  EXPECT_EQ(1u, b->scheduler->passed_over().jobs);
  b->journal.run("command", [](JobLog& log) { log.finish(State::canceled, "cancel", ""); });
  b->scheduler->look_at_others();
  EXPECT_EQ(0u, b->scheduler->passed_over().jobs);
  EXPECT_TRUE(b->troubles.present(Troubles::Clock::now()).empty());
}

TEST_F(OwnAndOthers, OwnPolicyLeavesAJobToTheNodeThatItIsFor) {
  b->config.policy = {"b", {"default"}, {}, true, "bee"};
  b->serve("read line <&3");
  const auto for_node = [](const std::string& node) {
    return Json{{"command", {"true"}}, {"cwd", "/"}, {"node", node}};
  };
  for (const char* node : {"a", "c", "b", "bee"}) submit(a->journal, node, for_node(node));
  for (const char* own : {"b", "bee"})
    b->await(own, [](const JobHead& head) { return head.state == State::failed; });
  b->awaits_passing_over("a");
  const auto why = [&](const char* job) { return b->scheduler->why_waiting(*b->store.find(job)); };
  EXPECT_EQ("it is for the node c, which has never been here: it waits for that", why("c"));
  pass(5s, {a.get(), b.get()});
  EXPECT_EQ("it is for the node a", why("a"));
  a->takes = {"a", {"gpu"}, {}, true};
  pass(5s, {a.get(), b.get()});
  EXPECT_EQ("it is for the node a, which does not serve the queue 'default'", why("a"));
  pass(20s, {b.get()});
  EXPECT_EQ("it is for the node a, which does not live: it was not heard for 20.0s", why("a"));
  pass(3600s, {b.get()});
  b->scheduler->look_at_others();
  pass(3600s, {b.get()});
  b->scheduler->look_at_others();
  EXPECT_EQ(
      "all nodes that live have passed over 2 jobs for 1h 00m: a (b is not the node a); c (b "
      "is not the node c)",
      b->scheduler->passed_over().words());
}

// A retry is for the same node.
TEST_F(OwnAndOthers, ARetryIsForTheSameNode) {
  submit(a->journal, "j",
         {{"command", {"true"}}, {"cwd", "/"}, {"node", "a"}, {"retry", {{"max_attempts", 2}}}});
  a->journal.run("j", [](JobLog& log) { log.finish(State::failed, "spawn_error", ""); });
  make_next_attempt(b->context, "j");
  EXPECT_EQ("a", fixed_of(*b->store.find(retry_id("j"))).request.value("node", ""));
}

// Taken from it while its runner was coming up: that is ended here, and runs elsewhere.
TEST_F(OwnAndOthers, OwnOnlyIsEndedWhereItWasTakenAway) {
  b->config.policy = {"b", {"default"}, {}, true};
  b->config.run.cancel_grace = b->config.run.drain = 0ms;
  b->config.mute = 1ms;
  b->serve("read line <&3; sleep 1000");
  submit(a->journal, "j");
  b->await("j", [](const JobHead& head) { return head.node == "b"; });
  // Not before it is watched, or nobody knows yet that there is one.
  while (b->scheduler->why_waiting(*b->store.find("j")).find("runner") == std::string::npos)
    std::this_thread::yield();
  a->journal.run("j", [](JobLog& log) { log.finish(State::failed, "lost", "by a"); });
  const RunDir dir(run_path(b->config.run, "run-j"));
  while (dir.exists()) std::this_thread::sleep_for(1ms);
  EXPECT_EQ("by a", b->head("j").message);
}

// A claim of its former life that lands when it has looked through its jobs.
TEST_F(OwnAndOthers, OwnOnlyIsSettledWheneverItIsMet) {
  b->config.policy = {"b", {"default"}, {}, true};
  b->serve("read line <&3");
  submit(a->journal, "j", {{"command", {"true"}}, {"cwd", "/"}, {"hold", true}});
  submit(a->journal, "k");  // it has heard of the one before when it has run this one
  b->await("k", [](const JobHead& head) { return head.state == State::failed; });
  a->journal.run("j", [](JobLog& log) {
    log.hold(false, "");
    log.assign("b", "a former token");
  });
  b->await("j", [](const JobHead& head) { return head.state == State::failed; });
  EXPECT_EQ("E_UNAUTHORIZED", a->append("j", 1, change_to("running")));
  EXPECT_EQ(2u, b->head("j").assigned) << "it began anew";
}

TEST_F(OwnAndOthers, AProducerIsHeardByPollsThatTheRecordTellsOf) {
  submit(a->journal, "j", {{"executor", "external"}, {"expires_s", 40}});
  const auto poll = [&] {
    Batch batch;
    batch.producer_id = "p", batch.producer_token = "t", batch.taken_at = "a";
    a->journal.run("j", [&](JobLog& log) {
      AppendResult ignored;
      log.append(batch, true, ignored);
    });
    return a->store.find("j")->revision;
  };
  const std::string first = poll();
  EXPECT_EQ(first, poll());
  a->environment.time += 9'000'000;
  EXPECT_EQ(first, poll());
  a->environment.time += 1'000'000;
  EXPECT_NE(first, poll());
  EXPECT_EQ(Log{"queued"}, a->log("j"));
}

}  // namespace
}  // namespace domed::test
