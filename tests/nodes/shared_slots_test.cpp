// `Duties`: slots of limited queues over nodes, and what becomes of them wherever a node dies.
#include "jobs/shared_slots.h"

#include <unistd.h>

#include "jobs/retries.h"
#include "log/retry.h"
#include "node.h"

namespace domed::test {
namespace {

class SharedSlots : public NodesOfJobs {
 protected:
  SharedSlots() {
    limit(1);
    for (const char* job : {"j", "k", "l"}) submit(a->journal, job);
  }
  void limit(std::size_t most) {
    for (Node* one : {a.get(), b.get()}) one->config.queues = {{"default", most}};
  }
  static bool takes(Node& node, const std::string& job) {
    return take_slot(node.context, *node.store.find(job));
  }
  static bool runs(Node& node, const std::string& job) {
    return takes(node, job) && node.runs(job).empty();
  }
  static void ends(Node& node, const std::string& job) {
    EXPECT_EQ("", node.append(job, 2, change_to("succeeded")));
  }
  static void gives_back(Node& node, const std::string& job) {
    free_slots(node.context, "default", job);
  }
  std::set<std::string> holders() { return slot_holders(a->context, "default"); }
  using Jobs = std::set<std::string>;

  std::unique_ptr<Node> a = node("a", 0), b = node("b", 100'000);
};

TEST_F(SharedSlots, LimitWhatRunsOnAllNodesTogether) {
  ASSERT_TRUE(runs(*a, "j"));
  EXPECT_FALSE(takes(*b, "k"));
  EXPECT_EQ(StepOutcome::Next::line_up, b->launches("k").next);
  EXPECT_EQ(Log{"queued"}, b->log("k"));
  ends(*a, "j");
  gives_back(*a, "j");
  EXPECT_EQ(Jobs{}, holders());
  EXPECT_TRUE(runs(*b, "k"));
}

TEST_F(SharedSlots, AreOfLimitedQueuesOnly) {
  for (Node* one : {a.get(), b.get()}) one->config.queues = {{"gpu", 0}};
  EXPECT_TRUE(runs(*a, "j"));
  EXPECT_EQ(Jobs{}, holders());
  submit(a->journal, "g", {{"command", {"true"}}, {"cwd", "/"}, {"queue", "gpu"}});
  EXPECT_FALSE(takes(*b, "g"));
}

TEST_F(SharedSlots, OfOneThatDiedBetweenSlotAndClaimAreTakenOn) {
  ASSERT_TRUE(takes(*a, "j"));
  EXPECT_TRUE(runs(*b, "j"));
  EXPECT_EQ("epoch of b", b->lease.slots().held("default").at(0).epoch);
  EXPECT_EQ(Jobs{"j"}, holders());
}

TEST_F(SharedSlots, OfOneThatDiedBetweenSlotAndClaimAreFreedWithItsLease) {
  ASSERT_TRUE(takes(*a, "j"));
  pass(10s, {b.get()});
  EXPECT_FALSE(takes(*b, "k"));
  pass(10s, {b.get()});
  EXPECT_TRUE(takes(*b, "k"));
  EXPECT_EQ(Jobs{"k"}, holders());
  EXPECT_EQ(Log{"queued"}, b->log("j"));
}

// It was only slow: its slot is gone, and its claim conflicts.
TEST_F(SharedSlots, AreNotFreedUnderAClaim) {
  const StepOutcome out = a->launches("j", [&] {
    pass(20s, {b.get()});
    EXPECT_TRUE(runs(*b, "k"));
    a->lease.beat();
  });
  EXPECT_EQ(StepOutcome::Next::line_up, out.next);
  EXPECT_EQ(Log{"queued"}, a->log("j"));
  EXPECT_EQ(Jobs{"k"}, holders());
}

// The claim came first: what was decided before frees nothing.
TEST_F(SharedSlots, AreKeptByAClaimThatWasFaster) {
  ASSERT_TRUE(takes(*a, "j"));
  pass(20s, {b.get()});
  a->lease.beat();
  a->claim("j");
  EXPECT_FALSE(takes(*b, "k"));
  EXPECT_EQ(Jobs{"j"}, holders());
}

TEST_F(SharedSlots, AreOneWhereTwoClaimAtOnce) {
  const StepOutcome out = a->launches("j", [&] { ASSERT_TRUE(runs(*b, "j")); });
  EXPECT_EQ(StepOutcome::Next::release, out.next);
  gives_back(*a, "j");
  EXPECT_EQ(Jobs{"j"}, holders()) << "it is the one of b";
  EXPECT_EQ("b", a->head("j").node);
}

TEST_F(SharedSlots, OfWhatIsHeldBeforeItsClaimAreGivenBack) {
  const StepOutcome out =
      a->launches("j", [&] { b->journal.run("j", [](JobLog& log) { log.hold(true, ""); }); });
  EXPECT_EQ(StepOutcome::Next::line_up, out.next);
  gives_back(*a, "j");
  EXPECT_TRUE(takes(*b, "k"));
  gives_back(*b, "k");
  EXPECT_EQ(Jobs{"k"}, holders()) << "b lives, and may be about to claim";
  EXPECT_EQ(StepOutcome::Next::line_up, a->launches("j").next);
  EXPECT_EQ(Jobs{"k"}, holders()) << "what is held takes none";
}

TEST_F(SharedSlots, OfWhatIsHeldAndReleasedBeforeItsClaimAreTakenAnew) {
  const StepOutcome out = a->launches("j", [&] {
    b->journal.run("j", [](JobLog& log) { log.hold(true, ""); });
    b->journal.run("j", [](JobLog& log) { log.hold(false, ""); });
  });
  EXPECT_EQ(StepOutcome::Next::line_up, out.next);
  EXPECT_TRUE(runs(*a, "j"));
  EXPECT_EQ(1u, a->lease.slots().held("default").size());
}

TEST_F(SharedSlots, OfWhatIsCanceledBeforeItsClaimAreFree) {
  const StepOutcome out =
      a->launches("j", [&] { b->journal.run("j", [](JobLog& log) { log.request_cancel(""); }); });
  EXPECT_EQ(StepOutcome::Next::release, out.next);
  EXPECT_TRUE(takes(*b, "k"));
  EXPECT_EQ(Jobs{"k"}, holders());
}

TEST_F(SharedSlots, OfADeadNodesClaimAreFreeWhenItIsTakenBack) {
  ASSERT_TRUE(takes(*a, "j"));
  a->claim("j");
  b->sees("j");
  pass(595s, {b.get()});
  EXPECT_FALSE(takes(*b, "k"));
  pass(10s, {b.get()});
  b->others.take("j");
  EXPECT_TRUE(takes(*b, "k"));
  EXPECT_EQ(Jobs{"k"}, holders());
}

TEST_F(SharedSlots, OfADeadNodesRunAreFreeWhenItIsLostAndItsRetryTakesItsOwn) {
  submit(a->journal, "m", {{"command", {"true"}}, {"cwd", "/"}, {"retry", {{"max_attempts", 2}}}});
  ASSERT_TRUE(runs(*a, "m"));
  b->sees("m");
  pass(605s, {b.get()});
  EXPECT_FALSE(takes(*b, "k"));
  b->others.take("m");
  make_next_attempt(b->context, "m");
  EXPECT_TRUE(runs(*b, retry_id("m")));
  EXPECT_EQ(Jobs{retry_id("m")}, holders());
}

TEST_F(SharedSlots, OfOneThatDiedBetweenTheEndAndGivingBackAreFree) {
  ASSERT_TRUE(runs(*a, "j"));
  ends(*a, "j");
  EXPECT_EQ(Jobs{"j"}, holders());
  EXPECT_TRUE(takes(*b, "k"));
  EXPECT_EQ(Jobs{"k"}, holders());
}

TEST_F(SharedSlots, OfPurgedJobsAreFree) {
  ASSERT_TRUE(runs(*a, "j"));
  ends(*a, "j");
  b->journal.run("j", [](JobLog& log) { log.purge(); });
  EXPECT_EQ(SlotHolders{}, free_slots(b->context));
  ASSERT_TRUE(runs(*a, "k"));
  ends(*a, "k");
  b->journal.run("k", [](JobLog& log) { log.purge(); });
  b->journal.run("k", [](JobLog& log) { log.drop(); });
  EXPECT_EQ(SlotHolders{}, free_slots(b->context));
}

TEST_F(SharedSlots, AreNotFreedByALowerLimit) {
  limit(2);
  ASSERT_TRUE(runs(*a, "j"));
  ASSERT_TRUE(runs(*b, "k"));
  limit(1);
  EXPECT_EQ((SlotHolders{{"default", {"j", "k"}}}), free_slots(b->context));
  ends(*a, "j");
  EXPECT_FALSE(takes(*b, "l"));
  ends(*b, "k");
  EXPECT_TRUE(takes(*b, "l"));
}

// And of one that runs it is said behind which it waits.
TEST_F(SharedSlots, OfWhatRunsWhenALimitIsNewAreCounted) {
  a->config.queues = b->config.queues = {};
  ASSERT_TRUE(runs(*a, "j"));
  limit(1);
  b->config.policy = {"b", {"default"}, {}, true};
  b->serve("read line <&3");
  EXPECT_EQ(Jobs{"j"}, holders());
  EXPECT_EQ("the one slot of the queue 'default' is taken",
            b->scheduler->why_waiting(*b->store.find("k")));
  EXPECT_EQ(Log{"j"}, b->scheduler->turn_of(*b->store.find("k")).holders);
  ends(*a, "j");
  for (const char* job : {"k", "l"})
    b->await(job, [](const JobHead& head) { return head.state == State::failed; });
}

// Its claim came to nothing, and it is held: no job's end tells of it.
TEST_F(SharedSlots, AreLookedForWhereNobodyTellsThatTheyAreFree) {
  ASSERT_TRUE(takes(*a, "j"));
  a->claim("j");
  b->config.policy = {"b", {"default"}, {}, true};
  b->serve("read line <&3");
  while (b->scheduler->turn_of(*b->store.find("k")).holders.empty()) std::this_thread::yield();
  a->journal.run("j", [](JobLog& log) {
    log.take_back();
    log.hold(true, "");
  });
  b->scheduler->look_at_others();
  for (const char* job : {"k", "l"})
    b->await(job, [](const JobHead& head) { return head.state == State::failed; });
  EXPECT_EQ(Log({"queued", "assigned a", "assigned nobody", "held"}), b->log("j"));
}

// A node died before its claim: who sees the slot has it for that job, and for no other.
TEST_F(SharedSlots, AreHadByTheJobThatTheyWereTakenFor) {
  ASSERT_TRUE(takes(*a, "l"));
  b->config.policy = {"b", {"default"}, {}, true};
  b->config.max_running = 1;
  b->serve("read line <&3");
  for (const char* job : {"j", "k", "l"})
    b->await(job, [](const JobHead& head) { return head.state == State::failed; });
  EXPECT_LT(b->head("l").ended_at(), b->head("j").ended_at());
}

// What other limits do that come while jobs wait and run (settings of all nodes).
class NewLimits : public SharedSlots {
 protected:
  // The runner goes on until ends_at_b(), or until this test is gone.
  void serve_b(std::map<std::string, std::size_t> limits, std::set<std::string> served) {
    b->config.policy = {"b", std::move(served), {}, true};
    b->config.queues = std::move(limits);
    b->config.max_running = 8;
    b->serve("read line <&3\nwhile [ ! -e " + (scratch_.path() / "go").string() + " ] && kill -0 " +
             std::to_string(::getpid()) + "; do sleep 0.01; done");
  }
  void use_at_b(std::map<std::string, std::size_t> limits, std::set<std::string> served) {
    b->config.policy.queues = std::move(served);
    b->config.queues = std::move(limits);
    b->scheduler->use(b->config);
  }
  void ends_at_b() { std::ofstream(scratch_.path() / "go"); }
  void begins_at_b(const std::string& job) {
    b->await(job, [](const JobHead& head) { return head.node == "b"; });
  }
  void ended(const std::string& job) {
    b->await(job, [](const JobHead& head) { return head.state == State::failed; });
  }
  std::string why(const std::string& job) { return b->scheduler->why_waiting(*b->store.find(job)); }
};

TEST_F(NewLimits, ThatAreHigherStartWhatWaitsAtOnce) {
  ASSERT_TRUE(runs(*a, "j"));
  serve_b({{"default", 1}}, {"default"});
  while (why("l") != "the one slot of the queue 'default' is taken") std::this_thread::yield();
  use_at_b({{"default", 3}}, {"default"});
  begins_at_b("k");
  begins_at_b("l");
  EXPECT_EQ((Jobs{"j", "k", "l"}), holders());
  ends_at_b();
  for (const char* job : {"k", "l"}) ended(job);
}

TEST_F(NewLimits, ThatAreLowerEndNothingAndHoldAsJobsEnd) {
  ASSERT_TRUE(runs(*a, "j"));
  serve_b({{"default", 2}}, {"default"});
  begins_at_b("k");
  use_at_b({{"default", 1}}, {"default"});
  limit(1);
  EXPECT_EQ("the one slot of the queue 'default' is taken", why("l"));
  EXPECT_EQ((Jobs{"j", "k"}), holders());
  ends(*a, "j");
  EXPECT_FALSE(takes(*a, "l")) << "k has the one that is left";
  EXPECT_EQ(Jobs{"k"}, holders());
  ends_at_b();
  for (const char* job : {"k", "l"}) ended(job);
}

// What began without a slot is counted, wherever it runs.
TEST_F(NewLimits, ThatAreTheFirstOfAQueueCountWhatRuns) {
  a->config.queues = {};
  serve_b({}, {"default"});
  for (const char* job : {"j", "k", "l"}) begins_at_b(job);
  ASSERT_EQ(Jobs{}, holders());
  use_at_b({{"default", 1}}, {"default"});
  while (holders() != Jobs{"j", "k", "l"}) std::this_thread::yield();
  limit(1);
  submit(a->journal, "m");
  EXPECT_FALSE(takes(*a, "m"));
  ends_at_b();
  for (const char* job : {"j", "k", "l"}) ended(job);
  ended("m");  // three at once look who has slots: what the last one sees is what counts
}

// And with them the queue: its jobs wait, and are started where it comes back.
TEST_F(NewLimits, ThatAreTakenAwayLoseNoJob) {
  for (const char* job : {"g1", "g2"})
    submit(a->journal, job, {{"command", {"true"}}, {"cwd", "/"}, {"queue", "gpu"}});
  serve_b({{"gpu", 1}}, {"default", "gpu"});
  begins_at_b("g1");
  while (why("g2") != "the one slot of the queue 'gpu' is taken") std::this_thread::yield();
  use_at_b({}, {"default"});
  EXPECT_EQ(0u, why("g2").find("this node passes it over, for it does not serve the queue 'gpu'"));
  b->awaits_passing_over("g2");
  ends_at_b();
  ended("g1");
  EXPECT_EQ(Log{"queued"}, b->log("g2"));
  use_at_b({{"gpu", 1}}, {"default", "gpu"});
  ended("g2");
}

// It was chosen to start when its queue was taken away, and its limit with that.
TEST_F(NewLimits, ThatAreTakenAwayStartNothing) {
  b->context.passes_over = [](const JobHead&, const JobFixed&) { return true; };
  EXPECT_EQ(StepOutcome::Next::line_up, b->launches("j").next);
  EXPECT_EQ(Log{"queued"}, b->log("j"));
}

// Whoever runs has the directory to itself.
TEST_F(SharedSlots, LimitWhatTwoSchedulersStart) {
  const std::string lock = scratch_.path() / "lock", two = scratch_.path() / "two";
  const std::string script =
      "mkdir " + lock + " || touch " + two + "\nread line <&3\nrmdir " + lock;
  for (int i = 0; i < 10; ++i) submit(a->journal, "job " + std::to_string(i));
  for (Node* one : {a.get(), b.get()}) {
    one->config.policy = {one->config.node, {"default"}, {}, true};
    one->serve(script);
  }
  for (int i = 0; i < 10; ++i)
    a->await("job " + std::to_string(i),
             [](const JobHead& head) { return head.state == State::failed; });
  EXPECT_FALSE(std::filesystem::exists(two));
}

}  // namespace
}  // namespace domed::test
