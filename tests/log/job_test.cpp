#include "log/job.h"

#include <gtest/gtest.h>

#include <functional>

#include "domed/error.h"
#include "log/tags.h"
#include "log/token.h"

namespace domed {
namespace {

JobHead full_head() {
  JobHead head;
  head.log_id = std::string(32, 'a');
  head.state = State::failed;
  head.head_seq = 1u << 20;
  head.created = 1'700'000'000'000'000;
  head.cancel_requested = 5;
  head.exit_code = 137;
  head.message = "what\nwent wrong";
  head.streams.push_back({"stdout", {}, {}, 100, 3, 1});
  head.streams[0].hash.update("some bytes that stay in the open block");
  head.streams.push_back({"stderr", {}, sha256("sealed"), 6, 0, 0});
  head.purged = 7;
  head.importing = true;
  head.producers.push_back(
      {"runner", 2, {{1, 2, 4, State::running, {1}}, {2, 5, 5, State::failed, {2}}}});
  head.plain_until = 300;
  head.incarnation = "life", head.node = "n1", head.watcher = "n2", head.assigned = 3;
  head.run_token = sha256("run"), head.job_token = sha256("job"), head.heard = 9;
  head.revision = std::string(kRevisionBytes, '\xff');
  return head;
}

// As domed of ABI 1 wrote it: a record of its own with all fields in use.
const std::string& old_head() {
  static const std::string kBytes = [] {
    std::string out =
        "\x01\x02"
        "aa";               // format, log_id
    out += "\x01\x07\x03";  // running, head 7, first 3
    out += std::string(32, 'd') + std::string(32, 'b');
    out += "\x0b\x0c\x0d";  // ordinal, created, started
    out +=
        std::string(1, '\0') + "\x0e" + std::string(2, '\0');  // ended, last_ts, canceled, purged
    out += "\x03";                                             // external, with provenance
    out +=
        "\x02"
        "hh";                     // request_hash
    out += std::string(4, '\0');  // reason, message, exit_code, signal
    out += std::string(2, '\0');  // streams, producers
    return out;
  }();
  return kBytes;
}

JobRecord record_of(const JobHead& head) {
  JobRecord record;
  record.job_id = "job";
  record.revision = head.revision;
  record.first_seq = head.first_seq, record.head_seq = head.head_seq;
  record.tombstone = head.purged != 0;
  record.columns.created = head.recorded, record.columns.state = listed_state(head);
  record.head = head.encode();
  return record;
}

TEST(JobHead, IsReadAsItWasWritten) {
  const JobHead head = full_head();
  const JobHead back = JobHead::decode(head.encode());
  EXPECT_EQ(head.encode(), back.encode());
  EXPECT_EQ(137, back.exit_code);
  EXPECT_EQ(sha256("sealed"), back.streams[1].sha256());
  EXPECT_FALSE(back.signal);
  EXPECT_EQ(head.streams[0].hash.digest(), back.streams[0].hash.digest());
  EXPECT_EQ(5u, back.producers[0].outcomes[1].first_seq);
  EXPECT_EQ(300u, back.plain_until);
  EXPECT_EQ("life n1 n2", back.incarnation + " " + back.node + " " + back.watcher);
  EXPECT_EQ(3u, back.assigned);
  EXPECT_EQ(sha256("run"), back.run_token);
  EXPECT_EQ(sha256("job"), back.job_token);
  EXPECT_EQ(9, back.heard);
  EXPECT_EQ(head.revision, back.revision);
}

TEST(JobHead, OfTheFormatBeforeHasPlainLinesAndNoneOfTheNewFields) {
  const JobHead head = JobHead::decode(old_head());
  EXPECT_EQ(7u, head.plain_until);
  EXPECT_EQ(11, head.recorded);
  EXPECT_EQ(14, head.last_ts);
  EXPECT_TRUE(head.external && head.has_provenance);
  EXPECT_EQ("hh", head.request_hash);
  EXPECT_EQ("", head.incarnation + head.node + head.watcher + head.revision);
  EXPECT_FALSE(head.run_token || head.job_token);
  JobHead again = JobHead::decode(head.encode());
  EXPECT_EQ(7u, again.plain_until) << "what comes behind has seals";
}

TEST(JobHead, IsOfAFormerLifeWhereItsLogGoesOnFromThere) {
  JobHead head;
  EXPECT_FALSE(is_of_former_life(head, "now")) << "from before ABI 2";
  head.incarnation = "then";
  EXPECT_TRUE(is_of_former_life(head, "now"));
  EXPECT_FALSE(is_of_former_life(head, "then"));
  head.importing = true;
  EXPECT_FALSE(is_of_former_life(head, "now")) << "nobody has seen it";
  head.importing = false, head.state = State::failed;
  EXPECT_FALSE(is_of_former_life(head, "now")) << "its last event is there";
}

TEST(JobHead, KeepsWhatANewerReleaseAdded) {
  JobHead head = full_head();
  head.submitter = "cert:mary";  // the last that this one knows
  const std::string newer = head.encode() + "\x05later";
  EXPECT_EQ(newer, JobHead::decode(newer).encode());
}

TEST(JobHead, KeepsWhoseATombstoneWas) {
  JobHead head = full_head();
  const std::string before = head.encode();
  head.submitter = "cert:mary";
  EXPECT_EQ("cert:mary", JobHead::decode(head.encode()).submitter);
  head.submitter.clear();
  EXPECT_EQ(before, head.encode()) << "as releases before wrote it";
}

TEST(JobHead, KeepsWhetherItIsPaused) {
  JobHead head = full_head();
  const std::string before = head.encode();
  head.marks = JobHead::kPaused | JobHead::kWasPaused;
  EXPECT_TRUE(JobHead::decode(head.encode()).is_paused());
  for (const unsigned thousandths : {0u, 999u, 1000u, 5u}) {
    head.set_progress(thousandths);
    EXPECT_EQ(thousandths, JobHead::decode(head.encode()).progress());
  }
  EXPECT_TRUE(JobHead::decode(head.encode()).was_paused());
  head.marks = 0;
  EXPECT_EQ(before, head.encode()) << "as releases before wrote it";
}

TEST(JobHead, AgreesWithWhatTheStoreSaysBesideIt) {
  JobHead head = full_head();
  head.purged = 0;
  EXPECT_NO_THROW(head_of(record_of(head)));
  const std::vector<std::pair<std::string, std::function<void(JobRecord&)>>> lies{
      {"head_seq is 1048576 in its head, 5 beside it", [](JobRecord& r) { r.head_seq = 5; }},
      {"first_seq is 1 in its head, 2 beside it", [](JobRecord& r) { r.first_seq = 2; }},
      {"tombstone is 0 in its head, 1 beside it", [](JobRecord& r) { r.tombstone = true; }},
      {"created is 0 in its head, 8 beside it", [](JobRecord& r) { r.columns.created = 8; }},
      {"state is importing in its head, queued beside it",
       [](JobRecord& r) { r.columns.state = "queued"; }},
      {"revision is ffffffffffffffffffffffffffffffff in its head, 7272 beside it",
       [](JobRecord& r) { r.revision = "rr"; }}};
  for (const auto& [text, lie] : lies) {
    JobRecord record = record_of(head);
    lie(record);
    try {
      head_of(record);
      ADD_FAILURE() << text << " was not seen";
    } catch (const Error& e) {
      EXPECT_EQ(Code::corruption, e.code());
      EXPECT_EQ("job 'job': its record in the store contradicts itself: " + text, e.what());
    }
  }
}

TEST(JobHead, DamagedBytesAreCorruptionAndNothingElse) {
  const std::string bytes = full_head().encode();
  for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_THROW(JobHead::decode(bytes.substr(0, cut)), Error) << "cut at " << cut;
}

TEST(JobHead, StaysSmall) {
  JobHead head = full_head();
  auto& outcomes = head.producers[0].outcomes;
  for (std::uint64_t batch = 3; batch <= 64; ++batch)
    outcomes.push_back({batch, batch * 100, batch * 100 + 99, State::running, {}});
  EXPECT_LT(head.encode().size(), 1500u);
}

TEST(JobFixed, IsReadAsItWasWritten) {
  JobFixed fixed;
  fixed.job_id = "odd \"id\"\n";
  fixed.request = {{"labels", {{"b", "2"}, {"a", "1"}}}, {"executor", "external"}};
  fixed.artifacts = {"{}"};
  const JobFixed back = JobFixed::decode(fixed.encode());
  EXPECT_EQ(fixed.encode(), back.encode());
  EXPECT_TRUE(back.external());
  EXPECT_THROW(JobFixed::decode("{\"job_id\":1}"), Error);
}

TEST(Tags, TellWhatAJobIsFoundBy) {
  JobHead head;
  head.node = "n1";
  JobFixed fixed;
  fixed.name = "nightly", fixed.submitter = "uid:7";
  fixed.request = {{"tool_id", "make"}, {"labels", {{"b", "2"}, {"a", ""}}}};
  EXPECT_EQ((std::vector<std::string>{"tool=make", "name=nightly", "submitter=uid:7", "node=n1",
                                      "label:a=", "label:b=2"}),
            tags_of(head, fixed));
}

TEST(Tags, ThatAreTooLongOrTooManyStillFitAStore) {
  const std::string name(2000, 'n'), other = name + "!";
  EXPECT_EQ(kMaxTagBytes, tag("name", name).size());
  EXPECT_NE(tag("name", name), tag("name", other)) << "they begin alike";
  JobFixed fixed;
  fixed.name = name;
  for (int i = 0; i < 100; ++i) fixed.request["labels"][std::to_string(i)] = "v";
  const auto tags = tags_of(JobHead(), fixed);
  EXPECT_EQ(kMaxTags, tags.size());
  EXPECT_EQ(tag("name", name), tags[0]);
}

TEST(Tokens, OfARecordFromBeforeAreTakenFromIt) {
  JobFixed fixed;
  fixed.producer_token = "old";
  EXPECT_TRUE(is_token(run_token_of(JobHead(), fixed), "old"));
  JobHead head;
  head.run_token = sha256("new");
  EXPECT_FALSE(is_token(run_token_of(head, fixed), "old"));
  EXPECT_FALSE(is_token(run_token_of(JobHead(), JobFixed()), ""));
}

TEST(Tokens, OfAnExternalJobFollowFromSecretAndRun) {
  EXPECT_EQ(32u, external_token("secret", "run").size());
  EXPECT_EQ(external_token("secret", "run"), external_token("secret", "run"));
  EXPECT_NE(external_token("secret", "run"), external_token("another", "run"));
  EXPECT_NE(external_token("secret", "run"), external_token("secret", "another"));
}

TEST(JobId, DependsOnBothNamesAndTheirBorder) {
  EXPECT_NE(derive_job_id("", "a", "bc"), derive_job_id("", "ab", "c"));
  EXPECT_NE(derive_job_id("c", "a", "b"), derive_job_id("", "a", "b"));
  EXPECT_NE(derive_job_id("a", "b", "c"), derive_job_id("", "a", "b"));
  EXPECT_EQ(derive_job_id("", "", "key"), derive_job_id("", "", "key"));
}

}  // namespace
}  // namespace domed
