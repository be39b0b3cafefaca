#include "nodes/ownership.h"

#include <gtest/gtest.h>

#include "nodes/own_policy.h"

// `OneOwner`, `OwnOnly`, `OwnPolicy` and `Takeover`, decision by decision.
namespace domed {
namespace {

using Phase = Whose::Phase;

Whose job_of(Phase phase, const std::string& node, const std::string& watcher = "") {
  return {phase, node, watcher, false, false, false};
}

constexpr Standing kNotFresh[] = {Standing::expiring, Standing::stopping, Standing::lost};

TEST(OneOwner, ClaimsWhatIsQueuedAndNobodys) {
  EXPECT_TRUE(may_claim(job_of(Phase::queued, ""), Standing::fresh));
  EXPECT_FALSE(may_claim(job_of(Phase::queued, "us"), Standing::fresh));
  EXPECT_FALSE(may_claim(job_of(Phase::queued, "other"), Standing::fresh));
  EXPECT_FALSE(may_claim(job_of(Phase::running, ""), Standing::fresh));
  EXPECT_FALSE(may_claim(job_of(Phase::over, ""), Standing::fresh));
  EXPECT_FALSE(may_claim({Phase::queued, "", "", true, false, false}, Standing::fresh))
      << "external";
  EXPECT_FALSE(may_claim({Phase::queued, "", "", false, true, false}, Standing::fresh)) << "held";
  EXPECT_FALSE(may_claim({Phase::queued, "", "", false, false, true}, Standing::fresh))
      << "imported";
}

TEST(OneOwner, BeginsNothingWithoutALease) {
  EXPECT_TRUE(may_take_running(job_of(Phase::queued, "other"), Standing::fresh));
  for (const Standing standing : kNotFresh) {
    EXPECT_FALSE(may_claim(job_of(Phase::queued, ""), standing));
    EXPECT_FALSE(may_take_running(job_of(Phase::queued, "us"), standing));
    EXPECT_FALSE(may_watch(standing));
  }
}

TEST(OneOwner, TakesRunningOfAClaimedJobAlone) {
  EXPECT_FALSE(may_take_running(job_of(Phase::queued, ""), Standing::fresh));
  EXPECT_FALSE(may_take_running(job_of(Phase::running, "us"), Standing::fresh));
  EXPECT_FALSE(may_take_running(job_of(Phase::over, "us"), Standing::fresh));
}

TEST(OneOwner, WatchesARunBeforeItTellsHowLong) {
  EXPECT_TRUE(must_watch(job_of(Phase::running, "a", "a"), "us"));
  EXPECT_TRUE(must_watch(job_of(Phase::running, "us", "a"), "us"));
  EXPECT_FALSE(must_watch(job_of(Phase::running, "a", "us"), "us"));
  EXPECT_FALSE(must_watch(job_of(Phase::running, "us"), "us")) << "at first the same";
  EXPECT_FALSE(must_watch(job_of(Phase::queued, "a"), "us"));
  EXPECT_FALSE(must_watch({Phase::running, "", "", true, false, false}, "us")) << "external";
}

TEST(OwnOnly, SettlesNothingOfOthers) {
  for (const Phase phase : {Phase::queued, Phase::running, Phase::over})
    for (const char* node : {"", "a"})
      for (const bool may_live : {false, true})
        EXPECT_EQ(Settling::leave, settle_own(job_of(phase, node, "us"), "us", may_live));
}

TEST(OwnOnly, AdoptsARunnerThatMayLive) {
  EXPECT_EQ(Settling::adopt, settle_own(job_of(Phase::queued, "us"), "us", true));
  EXPECT_EQ(Settling::adopt, settle_own(job_of(Phase::running, "us", "a"), "us", true));
}

TEST(OwnOnly, TakesBackWhatDidNotBeginAndLosesWhatDid) {
  EXPECT_EQ(Settling::take_back, settle_own(job_of(Phase::queued, "us"), "us", false));
  EXPECT_EQ(Settling::lose, settle_own(job_of(Phase::running, "us"), "us", false));
  EXPECT_EQ(Settling::leave, settle_own(job_of(Phase::over, "us"), "us", false));
}

TEST(OwnOnly, DropsItsHalfImports) {
  const Whose import{Phase::running, "us", "", false, false, true};
  EXPECT_EQ(Settling::drop, settle_own(import, "us", false));
  EXPECT_EQ(Settling::leave, settle_own(import, "other", false));
}

Settling taken(const Whose& job, Seen seen, Standing standing = Standing::fresh) {
  return take_over(job, "us", standing, seen);
}

TEST(Takeover, LeavesAllAsLongAsTheNodeLives) {
  for (const Phase phase : {Phase::queued, Phase::running})
    EXPECT_EQ(Settling::leave, taken(job_of(phase, "a"), {}));
}

TEST(Takeover, LeavesQueuedJobsToWhoClaimsThem) {
  EXPECT_EQ(Settling::leave, taken(job_of(Phase::queued, ""), {true, true}));
}

TEST(Takeover, TakesBackWhatDidNotBegin) {
  EXPECT_EQ(Settling::take_back, taken(job_of(Phase::queued, "a"), {true, false}));
}

TEST(Takeover, LosesWhatRanWhenNothingIsLeftOfIt) {
  EXPECT_EQ(Settling::leave, taken(job_of(Phase::running, "a", "b"), {true, false}))
      << "its node is dead, and another one heard it";
  EXPECT_EQ(Settling::lose, taken(job_of(Phase::running, "a", "b"), {false, true}));
  EXPECT_EQ(Settling::lose, taken(job_of(Phase::running, "a", "us"), {true, true}));
}

TEST(Takeover, IsNoMatterOfWhatIsOverOrOursOrExternal) {
  EXPECT_EQ(Settling::leave, taken(job_of(Phase::over, "a"), {true, true}));
  EXPECT_EQ(Settling::leave, taken(job_of(Phase::running, "us"), {true, true}));
  EXPECT_EQ(Settling::leave, taken({Phase::running, "a", "", true, false, false}, {true, true}));
}

TEST(Takeover, DropsAHalfImportOfADeadNode) {
  const Whose import{Phase::running, "a", "", false, false, true};
  EXPECT_EQ(Settling::drop, taken(import, {true, false}));
  EXPECT_EQ(Settling::leave, taken(import, {false, true}));
}

TEST(Takeover, IsDoneByANodeWithALease) {
  for (const Standing standing : kNotFresh)
    for (const Phase phase : {Phase::queued, Phase::running})
      EXPECT_EQ(Settling::leave, taken(job_of(phase, "a"), {true, true}, standing));
}

const OwnPolicy kPolicy{"us", {"default", "gpu"}, {{"make", {"h1", "h0"}}}, false};

TEST(OwnPolicies, AcceptTheSameToolsFromTheirQueues) {
  EXPECT_EQ("", lacking(kPolicy, {"gpu", "make", "h1", "a", ""}));
  EXPECT_EQ("", lacking(kPolicy, {"gpu", "make", "h0", "a", "us"})) << "also: h0";
  EXPECT_EQ("does not serve the queue 'cpu'", lacking(kPolicy, {"cpu", "make", "h1", "us", ""}));
  EXPECT_EQ("has another tool 'make'", lacking(kPolicy, {"gpu", "make", "h2", "a", ""}));
  EXPECT_EQ("has no tool 'ninja'", lacking(kPolicy, {"gpu", "ninja", "h1", "a", ""}));
  EXPECT_EQ("is not the node a", lacking(kPolicy, {"gpu", "make", "h1", "us", "a"}));
}

TEST(OwnPolicies, AcceptCommandsWhereTheyAllowThem) {
  OwnPolicy open = kPolicy;
  open.allow_ad_hoc = true;
  EXPECT_EQ("", lacking(open, {"gpu", "", "", "a", ""}));
  EXPECT_EQ("allows no commands but its tools", lacking(kPolicy, {"gpu", "", "", "a", ""}));
}

TEST(OwnPolicies, AcceptWhatTheNodeItselfAccepted) {
  EXPECT_EQ("", lacking(kPolicy, {"gpu", "make", "older", "us", ""}));
  EXPECT_EQ("", lacking(kPolicy, {"gpu", "", "", "us", ""}));
  EXPECT_NE("", lacking({"", {"gpu"}, {}, false}, {"gpu", "", "", "", ""})) << "nobody is no node";
}

}  // namespace
}  // namespace domed
