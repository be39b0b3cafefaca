// Nodes that drain, and one that was forgotten, on real records.
#include "node.h"

namespace domed::test {
namespace {

class Draining : public NodesOfJobs {
 protected:
  std::unique_ptr<Node> a = node("a", 0), b = node("b", 100'000);
};

TEST_F(Draining, NodesClaimNothingMore) {
  submit(a->journal, "j");
  a->lease.wish("a", {true, 0s, ""});
  EXPECT_EQ(StepOutcome::Next::line_up, a->launches("j").next);
  EXPECT_EQ(Log{"queued"}, a->log("j"));
  a->lease.take_wish_back("a");
  a->launches("j");
  EXPECT_EQ("a", a->head("j").node);
}

// Nobody else could have it.
TEST_F(Draining, NodesBringToAnEndWhatIsTheirs) {
  submit(a->journal, "claimed");
  submit(a->journal, "running");
  a->claim("claimed");
  a->runs("running");
  a->lease.wish("a", {true, 0s, ""});
  EXPECT_NE(StepOutcome::Next::line_up, a->launches("claimed").next);
  EXPECT_EQ("", a->append("running", 2, change_to("succeeded")));
}

TEST_F(Draining, NodesLeaveWhatWaitsToOthersAndSaySo) {
  for (Node* one : {a.get(), b.get()})
    one->config.policy = {one->config.node, {"default"}, {}, true};
  b->lease.wish("b", {true, 0s, ""});
  b->serve("read line <&3");
  submit(a->journal, "j");
  submit(b->journal, "after", {{"command", {"true"}}, {"cwd", "/"}, {"hold", true}});
  EXPECT_EQ("this node is draining and starts nothing more",
            b->scheduler->why_waiting(*b->store.find("j")));
  b->lease.take_wish_back("b");
  b->scheduler->look_at_others();
  b->await("j", [](const JobHead& head) { return head.state == State::failed; });
}

TEST_F(Draining, ANodeThatWasForgottenLosesItsJobsAtOnce) {
  for (const char* job : {"claimed", "running"}) submit(a->journal, job);
  a->claim("claimed");
  a->runs("running");
  for (const char* job : {"claimed", "running"}) b->sees(job);
  pass(20s, {b.get()});
  EXPECT_EQ(Log{}, b->others.due());
  ASSERT_TRUE(b->lease.forget(b->lease.nodes()[0].words));
  ASSERT_EQ((Log{"claimed", "running"}), b->others.due());
  for (const char* job : {"claimed", "running"}) b->others.take(job);
  EXPECT_EQ((Log{"queued", "assigned a", "assigned nobody"}), b->log("claimed"));
  EXPECT_EQ("lost", b->head("running").reason);
  EXPECT_EQ("the node a was forgotten: its machine is off", b->head("running").message);
  EXPECT_EQ("E_UNAUTHORIZED", a->append("running", 2, log_event("late")));
}

TEST_F(Draining, ANodeThatWasForgottenGoesWhenNothingIsLeftOfIt) {
  b->config.policy = {"b", {"default"}, {}, true};
  submit(a->journal, "j");
  a->runs("j");
  b->serve("read line <&3");
  pass(20s, {b.get()});
  ASSERT_TRUE(b->lease.forget(b->lease.nodes()[0].words));
  b->scheduler->look_at_others();
  b->await("j", [](const JobHead& head) { return head.state == State::failed; });
  EXPECT_EQ("lost", b->head("j").reason);
  while (b->lease.nodes().size() == 2) {
    b->scheduler->look_at_others();
    b->lease.beat();
  }
  EXPECT_EQ("b", b->lease.nodes()[0].words.node);
}

}  // namespace
}  // namespace domed::test
