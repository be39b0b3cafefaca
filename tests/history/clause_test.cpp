// Each clause finds what breaks it, and only that; a history in order passes.
#include <gtest/gtest.h>

#include "story.h"

namespace domed::history {
namespace {

using Names = std::set<std::string>;

const std::string kLines = R"([{"type":"log","payload":{"stream":"stdout","text":"line 4"}},)"
                           R"({"type":"log","payload":{"stream":"stdout","text":"line 5"}}])";
const std::string kRunning = R"([{"type":"state_change","payload":{"to":"running"}}])";
const std::string kEnd = R"([{"type":"state_change","payload":{"to":"succeeded"}}])";

// The job as it is to be: submitted, reported by a producer.
Story& tell(Story& story) {
  return story.submitted()
      .append(1, kRunning)
      .appended(1, 3, 3)
      .append(2, kLines)
      .appended(2, 4, 5)
      .append(3, kEnd)
      .appended(3, 6, 6, "succeeded");
}

TEST(HistoryGood, PassesEveryClause) {
  Story story;
  story.submitted().follow("live").append(1, kRunning).appended(1, 3, 3).events("live", 1, 3);
  story.follow("snapshot", 0, false).events("snapshot", 1, 3).end("snapshot", "snapshot", 3);
  story.append(2, kLines)
      .appended(2, 4, 5)
      .appended(2, 4, 5)
      .events("live", 4, 4)
      .end("live", "stopped", 4);
  story.append(3, kEnd).appended(3, 6, 6, "succeeded");
  story.follow("live", 4, true, Story::kLog).events("live", 5, 6).end("live", "terminal", 6);
  story.status(6, "succeeded", Story::digest(6)).submitted(Story::kLog, "r", "job", true);
  story.follow("late", 6).end("late", "terminal", 6);
  story.write("client", "trimmed", {{"job", "job"}, {"first", 4}});
  story.follow("behind", 1).end("behind", "error", 1, "E_COMPACTED");
  story.write("client", "deleted", {{"job", "job"}});
  story.follow("after").end("after", "error", 0, "E_GONE");
  EXPECT_EQ(Names{}, broken(story));
}

TEST(HistoryContiguous, FindsANumberThatNoEventHas) {
  Story story;
  story.submitted()
      .follow("f")
      .events("f", 1, 3)
      .event("f", 5, Story::log_line(5, "x"))
      .end("f", "stopped", 5);
  EXPECT_EQ(Names{"Contiguous"}, broken(story));
}

TEST(HistoryContiguous, FindsANumberThatTwoBatchesWereGiven) {
  Story story;
  story.submitted().append(1, kRunning).appended(1, 3, 4).append(2, kLines).appended(2, 4, 5);
  EXPECT_EQ(Names{"Contiguous"}, broken(story));
}

TEST(HistoryContiguous, FindsALineThatNamesAnotherNumber) {
  Story story;
  story.submitted()
      .follow("f")
      .events("f", 1, 3)
      .event("f", 4, Story::log_line(7, "x"))
      .end("f", "stopped", 4);
  EXPECT_EQ(Names{"Contiguous"}, broken(story));
}

TEST(HistoryDurable, FindsAnAcknowledgedEventThatWasLost) {
  Story story;
  tell(story).write("daemon", "daemon", {{"state", "killed"}}).status(5, "running");
  EXPECT_EQ(Names{"Durable"}, broken(story));
}

TEST(HistoryDurable, FindsADeliveredEventThatWasLost) {
  Story story;
  story.submitted().follow("f").events("f", 1, 4).end("f", "stopped", 4).status(3, "running");
  EXPECT_EQ(Names{"Durable"}, broken(story));
}

TEST(HistoryDurable, FindsAJobThatWasLost) {
  Story story;
  tell(story).follow("f").end("f", "error", 0, "E_NOT_FOUND");
  EXPECT_EQ(Names{"Durable"}, broken(story));
}

TEST(HistoryDurable, LetsAStoreInMemoryForgetWithItsDaemon) {
  Story story("store-memory", "none");
  tell(story).write("daemon", "daemon", {{"state", "killed"}});
  story.follow("f").end("f", "error", 0, "E_NOT_FOUND").submitted(Story::kOtherLog);
  EXPECT_EQ(Names{}, broken(story));
}

TEST(HistoryImmutable, FindsOtherBytesUnderANumber) {
  Story story;
  story.submitted().follow("f").events("f", 1, 4).end("f", "stopped", 4);
  story.follow("g", 3).event("g", 4, Story::log_line(4, "other")).end("g", "stopped", 4);
  EXPECT_EQ(Names{"Immutable"}, broken(story));
}

TEST(HistoryIdentity, FindsAJobWithAnotherLog) {
  Story story;
  story.submitted()
      .follow("f")
      .event("f", 1, Story::line(1), Story::kOtherLog)
      .end("f", "stopped", 1);
  EXPECT_EQ(Names{"Identity"}, broken(story));
}

TEST(HistoryIdentity, FindsALogIdThatIsNone) {
  Story story;
  story.submitted("short");
  EXPECT_EQ(Names{"Identity"}, broken(story));
}

TEST(HistoryDigest, FindsAStatusWithAnotherDigest) {
  Story story;
  story.submitted()
      .follow("f")
      .events("f", 1, 4)
      .end("f", "stopped", 4)
      .status(4, "running", Story::digest(3));
  EXPECT_EQ(Names{"Digest"}, broken(story));
}

TEST(HistoryDigest, FindsAFollowerWithAnotherDigest) {
  Story story;
  story.submitted().follow("f").events("f", 1, 4);
  story.write("f", "end",
              {{"job", "job"}, {"end", "stopped"}, {"cursor", 4}, {"digest", Story::digest(5)}});
  EXPECT_EQ(Names{"Digest"}, broken(story));
}

TEST(HistoryStateIsEvents, FindsAStateThatTheEventsDoNotMake) {
  Story story;
  story.submitted().follow("f").events("f", 1, 4).end("f", "stopped", 4).status(4, "failed");
  EXPECT_EQ(Names{"StateIsEvents"}, broken(story));
}

TEST(HistoryStateIsEvents, FindsRunningWithoutProvenance) {
  Story story;
  story.submitted().follow("f").event("f", 1, Story::line(1));
  story.event("f", 2, Story::change(2, "queued", "running")).end("f", "stopped", 2);
  EXPECT_EQ(Names{"StateIsEvents"}, broken(story));
}

// What a log breaks that begins with "lines"; with a "status" at that seq, and the job queued.
Names broken_by(const std::vector<std::string>& lines, std::uint64_t status = 0) {
  Story story;
  story.submitted().follow("f");
  for (std::size_t seq = 1; seq <= lines.size(); ++seq) {
    story.event("f", seq, lines[seq - 1]);
    if (seq == status) story.status(status, "queued");
  }
  const bool is_over = lines.back().find("canceled") != std::string::npos;
  story.end("f", is_over ? "terminal" : "stopped", lines.size());
  return broken(story);
}
const std::string kQueued = Story::change(1, "", "queued");
std::string running(std::uint64_t seq) {
  return Story::change(seq, "queued", "running");
}

TEST(HistoryStateIsEvents, TakesWhatAStartMayLeaveBehind) {
  EXPECT_EQ(Names{}, broken_by({kQueued, Story::assigned(2), Story::provenance(3), running(4)}, 2));
  EXPECT_EQ(Names{}, broken_by({kQueued, Story::assigned(2), Story::assigned(3, ""), Story::held(4),
                                Story::change(5, "queued", "canceled")}));
  EXPECT_EQ(Names{}, broken_by({kQueued, Story::assigned(2), Story::assigned(3, "other"),
                                Story::provenance(4), running(5)}));
}

TEST(HistoryStateIsEvents, TakesLogsFromBeforeJobsWereAssigned) {
  EXPECT_EQ(Names{}, broken_by({kQueued, Story::held(2), Story::provenance(3), running(4)}, 3));
  EXPECT_EQ(Names{}, broken_by({kQueued, Story::provenance(2), Story::assigned(3), running(4)}, 2));
}

TEST(HistoryStateIsEvents, FindsAStartThatWasNone) {
  const Names names{"StateIsEvents"};
  EXPECT_EQ(names, broken_by({kQueued, Story::assigned(2), Story::assigned(3, ""),
                              Story::provenance(4), running(5)}))
      << "nobody has it";
  EXPECT_EQ(names, broken_by({kQueued, Story::assigned(2), Story::held(3)}));
  EXPECT_EQ(names, broken_by({kQueued, Story::assigned(2), Story::provenance(3), Story::assigned(4),
                              running(5)}))
      << "another may have looked";
  EXPECT_EQ(names, broken_by({kQueued, Story::provenance(2), Story::provenance(3), running(4)}));
  EXPECT_EQ(names, broken_by({kQueued, Story::assigned(2), Story::log_line(3, "early")}));
}

TEST(HistoryStateIsEvents, FindsProvenanceThatWasSeenBeforeRunning) {
  EXPECT_EQ(Names{"StateIsEvents"},
            broken_by({kQueued, Story::assigned(2), Story::provenance(3), running(4)}, 3));
}

TEST(HistoryStateIsEvents, FindsAChangeFromAStateThatWasNot) {
  Story story;
  story.submitted().follow("f").events("f", 1, 3).event("f", 4,
                                                        Story::change(4, "queued", "failed"));
  story.end("f", "terminal", 4);
  EXPECT_EQ(Names{"StateIsEvents"}, broken(story));
}

TEST(HistoryTerminalLast, FindsAnEventBehindTheEnd) {
  Story story;
  story.submitted().follow("f").events("f", 1, 6).end("f", "terminal", 6);
  story.follow("g", 6).event("g", 7, Story::log_line(7, "late")).end("g", "stopped", 7);
  EXPECT_EQ(Names{"TerminalLast"}, broken(story));
}

TEST(HistoryTerminalLast, FindsABatchBehindTheEnd) {
  Story story;
  tell(story).follow("f").events("f", 1, 6).end("f", "terminal", 6);
  story.append(4, kLines).appended(4, 7, 8, "");
  EXPECT_EQ(Names{"TerminalLast"}, broken(story));
}

TEST(HistorySnapshot, FindsOneThatEndsBeforeTheHead) {
  Story story;
  tell(story).follow("f", 0, false).events("f", 1, 4).end("f", "snapshot", 4);
  EXPECT_EQ(Names{"Snapshot"}, broken(story));
}

TEST(HistoryTail, FindsAFollowThatEndsBeforeItsJob) {
  Story story;
  story.submitted().follow("f").events("f", 1, 4).end("f", "terminal", 4);
  EXPECT_EQ(Names{"Tail"}, broken(story));
}

TEST(HistoryTail, FindsAFollowThatABrokenConnectionEnds) {
  Story story;
  story.submitted().follow("f").events("f", 1, 4).end("f", "error", 4, "E_UNREACHABLE");
  EXPECT_EQ(Names{"Tail"}, broken(story));
}

TEST(HistoryExactlyOnce, FindsAnEventThatCameTwice) {
  Story story;
  story.submitted().follow("f").events("f", 1, 4).events("f", 4, 5).end("f", "stopped", 5);
  EXPECT_EQ(Names{"ExactlyOnce"}, broken(story));
}

TEST(HistoryExactlyOnce, FindsAnEventThatWasLeftOut) {
  Story story;
  story.submitted().follow("f").events("f", 1, 5).end("f", "stopped", 5);
  story.follow("g").events("g", 1, 3).events("g", 5, 5).end("g", "stopped", 5);
  EXPECT_EQ(Names{"ExactlyOnce"}, broken(story));
}

TEST(HistoryExactlyOnce, FindsAFollowThatBeginsElsewhere) {
  Story story;
  story.submitted().follow("f").events("f", 1, 5).end("f", "stopped", 5);
  story.follow("g", 3).events("g", 3, 5).end("g", "stopped", 5);
  EXPECT_EQ(Names{"ExactlyOnce"}, broken(story));
}

TEST(HistoryNeverHangs, FindsAFollowWithoutAnEnd) {
  Story story;
  tell(story).follow("f").events("f", 1, 5);
  EXPECT_EQ(Names{"NeverHangs"}, broken(story));
}

TEST(HistoryNeverHangs, FindsAFollowThatOnlyItsDeadlineEnded) {
  Story story;
  tell(story).follow("f").events("f", 1, 5).wait(60).end("f", "deadline", 5);
  EXPECT_EQ(Names{"NeverHangs"}, broken(story));
}

TEST(HistoryNeverHangs, LetsAFollowerBeKilled) {
  Story story;
  tell(story).follow("f").events("f", 1, 5).write("f", "killed", OrderedJson::object());
  EXPECT_EQ(Names{}, broken(story));
}

TEST(HistoryLoudLoss, FindsASilentEndBehindATrim) {
  Story story;
  tell(story).write("client", "trimmed", {{"job", "job"}, {"first", 4}});
  story.follow("f", 1).events("f", 4, 6).end("f", "terminal", 6);
  EXPECT_EQ(Names{"LoudLoss"}, broken(story));
  Story silent;
  tell(silent).write("client", "trimmed", {{"job", "job"}, {"first", 7}});
  silent.follow("g", 6)
      .end("g", "stopped", 6)
      .follow("f", 2, false)
      .end("f", "error", 2, "E_COMPACTED");
  EXPECT_EQ(Names{}, broken(silent));
}

TEST(HistoryLoudLoss, FindsAnotherLogThanAsked) {
  Story story;
  story.submitted().follow("f").events("f", 1, 6).end("f", "terminal", 6);
  story.follow("g", 6, true, Story::kOtherLog).end("g", "terminal", 6);
  EXPECT_EQ(Names{"LoudLoss"}, broken(story));
}

TEST(HistoryLoudLoss, FindsASilentEndOfADeletedJob) {
  Story story;
  story.submitted().follow("f").events("f", 1, 6).end("f", "terminal", 6);
  story.write("client", "deleted", {{"job", "job"}}).follow("g", 6).end("g", "terminal", 6);
  EXPECT_EQ(Names{"LoudLoss"}, broken(story));
}

TEST(HistoryIdempotentSubmit, FindsASecondJobUnderAKey) {
  Story story;
  story.submitted().submitted(Story::kOtherLog, "r", "job-2", true);
  EXPECT_EQ(Names{"IdempotentSubmit"}, broken(story));
}

TEST(HistoryIdempotentSubmit, FindsAnotherRequestUnderAKey) {
  Story story;
  story.submitted().submitted(Story::kLog, "other", "job", true);
  EXPECT_EQ(Names{"IdempotentSubmit"}, broken(story));
}

TEST(HistoryIdempotentSubmit, FindsAJobMadeTwice) {
  Story story;
  story.submitted().submitted();
  EXPECT_EQ(Names{"IdempotentSubmit"}, broken(story));
}

TEST(HistoryIdempotentAppend, FindsARepeatedBatchWithAnotherOutcome) {
  Story story;
  story.submitted().append(1, kRunning).appended(1, 3, 3).appended(1, 4, 4);
  EXPECT_EQ(Names{"IdempotentAppend"}, broken(story));
}

TEST(HistoryIdempotentAppend, FindsOtherContentUnderANumber) {
  Story story;
  story.submitted().append(1, kRunning).appended(1, 3, 3).append(1, kLines).appended(1, 3, 3);
  EXPECT_EQ(Names{"IdempotentAppend"}, broken(story));
}

TEST(HistoryIdempotentAppend, FindsEventsThatAreNotTheBatchs) {
  Story story;
  story.submitted().append(1, kRunning).appended(1, 3, 3).append(2, kLines).appended(2, 4, 5);
  story.follow("f")
      .events("f", 1, 4)
      .event("f", 5, Story::log_line(5, "changed"))
      .end("f", "stopped", 5);
  EXPECT_EQ(Names{"IdempotentAppend"}, broken(story));
}

TEST(HistoryIdempotentAppend, FindsABatchThatIsThereTwice) {
  Story story;
  story.submitted().append(1, kRunning).appended(1, 3, 3).append(2, kLines).appended(2, 4, 5);
  story.follow("f").events("f", 1, 5).event("f", 6, Story::log_line(6, "line 4"));
  story.event("f", 7, Story::log_line(7, "line 5")).end("f", "stopped", 7);
  EXPECT_EQ(Names{"IdempotentAppend"}, broken(story));
}

TEST(HistoryParity, FindsOtherBytesInAnotherStore) {
  Story one, two("store-memory", "none");
  one.submitted().follow("f").events("f", 1, 4).end("f", "stopped", 4);
  two.submitted()
      .follow("f")
      .events("f", 1, 3)
      .event("f", 4, Story::log_line(4, "other"))
      .end("f", "stopped", 4);
  EXPECT_EQ(Names{"Parity"}, broken({&one, &two}));
}

TEST(HistoryParity, FindsAnotherStateInAnotherStore) {
  Story one, two("store-memory", "none");
  one.submitted().status(6, "succeeded", Story::digest(6));
  two.submitted().status(6, "failed", Story::digest(6));
  EXPECT_EQ(Names{"Parity"}, broken({&one, &two}));
}

// One node acknowledged what another one then denied.
TEST(HistorySharedLog, FindsWhatOneNodeAcknowledgedAndAnotherDenies) {
  Story story, one;
  for (Story* each : {&story, &one}) each->submitted();
  story.follow("f@a").events("f@a", 1, 5).end("f@a", "stopped", 5);
  story.follow("f@b", 5, true, Story::kLog).end("f@b", "error", 5, "E_NOT_FOUND");
  EXPECT_EQ((Names{"Durable", "SharedLog"}), broken(story));
  one.follow("f@a").events("f@a", 1, 5).end("f@a", "stopped", 5);
  one.follow("f@a", 5, true, Story::kLog).end("f@a", "error", 5, "E_NOT_FOUND");
  EXPECT_EQ(Names{"Durable"}, broken(one)) << "it takes two";
}

TEST(HistoryOneOwner, FindsACommandThatBeganTwice) {
  Story story;
  story.submitted().write("command", "started", {{"job", "job"}});
  EXPECT_EQ(Names{}, broken(story));
  story.write("command", "started", {{"job", "job"}});
  EXPECT_EQ(Names{"OneOwner"}, broken(story));
}

TEST(HistoryOneOwner, FindsARetryBesideItsPredecessor) {
  Story story;
  story.submitted().write("command", "beside", {{"job", "job"}});
  EXPECT_EQ(Names{"OneOwner"}, broken(story));
}

TEST(HistoryOneOwner, FindsAJobThatTwoNodesHave) {
  Story story;
  story.submitted().write("client@b", "submit", {{"key", "other"}});
  story.follow("f@a").event("f@a", 1, Story::change(1, "", "queued"));
  story.event("f@a", 2, Story::assigned(2, "a")).event("f@a", 3, Story::assigned(3, ""));
  story.event("f@a", 4, Story::assigned(4, "b")).end("f@a", "stopped", 4);
  EXPECT_EQ(Names{}, broken(story));
  story.follow("f@a", 4, true, Story::kLog).event("f@a", 5, Story::assigned(5, "a"));
  story.end("f@a", "stopped", 5);
  EXPECT_EQ(Names{"OneOwner"}, broken(story));
}

}  // namespace
}  // namespace domed::history
