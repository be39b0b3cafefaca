#include "log/job.h"

#include <gtest/gtest.h>

#include "domed/error.h"

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
  return head;
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
  EXPECT_LT(head.encode().size(), 1400u);
}

TEST(JobFixed, IsReadAsItWasWritten) {
  JobFixed fixed;
  fixed.job_id = "odd \"id\"\n";
  fixed.request = {{"labels", {{"b", "2"}, {"a", "1"}}}, {"executor", "external"}};
  fixed.artifacts = {"{}"};
  const JobFixed back = JobFixed::decode(fixed.encode());
  EXPECT_EQ(fixed.encode(), back.encode());
  EXPECT_TRUE(back.external());
  EXPECT_EQ((std::vector<std::string>{"a=1", "b=2"}), back.labels());
  EXPECT_THROW(JobFixed::decode("{\"job_id\":1}"), Error);
}

TEST(JobId, DependsOnBothNamesAndTheirBorder) {
  EXPECT_NE(derive_job_id("a", "bc"), derive_job_id("ab", "c"));
  EXPECT_EQ(derive_job_id("", "key"), derive_job_id("", "key"));
}

}  // namespace
}  // namespace domed
