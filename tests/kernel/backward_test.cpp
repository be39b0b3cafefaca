// Pages that end before an event (before_seq), on every store of ours.
#include "support/harness.h"

namespace domed::test {
namespace {

class Backward : public ::testing::TestWithParam<std::string> {
 protected:
  // A log of "count" events, the first three of which are the job's beginning.
  Backward() {
    job = kernel.running_job("a");
    Json events = Json::array();
    for (int seq = 4; seq <= 30; ++seq) events.push_back(log_event(std::to_string(seq)));
    EXPECT_TRUE(kernel.append(job, 1, events).contains("result"));
  }
  Json params(std::uint64_t before, Json more = Json::object()) const {
    more.update({{"job_id", job["job_id"]}, {"before_seq", before}});
    return more;
  }
  Json page(std::uint64_t before, const Json& more = Json::object()) {
    return kernel.call("StreamJobEvents", params(before, more));
  }
  std::string error(std::uint64_t before, const Json& more = Json::object()) {
    return kernel.error("StreamJobEvents", params(before, more));
  }
  void trim(std::uint64_t keep_from) {
    kernel.call("TrimJob", {{"job_id", job["job_id"]}, {"keep_from_seq", keep_from}});
  }
  static std::vector<std::uint64_t> seqs(const Json& page) {
    std::vector<std::uint64_t> out;
    for (const auto& event : page["events"])
      out.push_back((event.is_string() ? Json::parse(event.get<std::string>()) : event)["seq"]);
    return out;
  }
  using Seqs = std::vector<std::uint64_t>;

  Scratch scratch;
  Kernel kernel{GetParam(), scratch.path()};
  Json job;
};

INSTANTIATE_TEST_SUITE_P(Stores, Backward, ::testing::Values("store-memory", "store-sqlite"),
                         [](const auto& param) { return param.param.substr(6); });

TEST_P(Backward, TheNewestComeFirstAndAscend) {
  const Json newest = page(31, {{"max_events", 3}});
  EXPECT_EQ((Seqs{28, 29, 30}), seqs(newest));
  EXPECT_EQ(true, newest["more"]);
  EXPECT_EQ(false, newest["final"]);
  EXPECT_EQ(job["log_id"], newest["log_id"]);
  EXPECT_EQ((Seqs{25, 26, 27}), seqs(page(28, {{"max_events", 3}})));
}

TEST_P(Backward, ThePagesAreTheLog) {
  std::vector<std::string> back;
  std::uint64_t before = 31;
  for (bool more = true; more;) {
    const Json asked = page(before, {{"max_events", 7}, {"lines", true}});
    const Json& events = asked["events"];
    back.insert(back.begin(), events.begin(), events.end());
    before = seqs(asked).front();
    more = asked["more"];
  }
  EXPECT_EQ(1u, before);
  EXPECT_EQ(kernel.lines(job["job_id"]), back);
}

TEST_P(Backward, WhatDoesNotFitIsLeftOutInFront) {
  const std::string wide(1500, '"');  // twice as long where it is a string in a string
  ASSERT_TRUE(kernel.append(job, 2, Json(4, log_event(wide))).contains("result"));
  const Json values = page(35, {{"max_bytes", 4096}});
  EXPECT_EQ((Seqs{34}), seqs(values)) << values["events"].size();
  const Json strings = page(35, {{"max_bytes", 4096}, {"lines", true}});
  EXPECT_EQ((Seqs{34}), seqs(strings)) << "one always fits";
  EXPECT_EQ(true, strings["more"]);
  const Json some = page(35, {{"max_bytes", 15000}, {"lines", true}});
  EXPECT_EQ((Seqs{33, 34}), seqs(some));
}

TEST_P(Backward, BelowTheBeginningThereIsNothing) {
  for (const std::uint64_t before : {0, 1}) {
    const Json empty = page(before);
    EXPECT_EQ(Seqs(), seqs(empty));
    EXPECT_EQ(false, empty["more"]);
    EXPECT_EQ(false, empty["final"]);
  }
  EXPECT_EQ((Seqs{1}), seqs(page(2)));
  EXPECT_EQ(false, page(2)["more"]);
}

TEST_P(Backward, BeyondTheHeadIsRefused) {
  EXPECT_EQ(30u, seqs(page(31)).size());
  const Json data = kernel.request("StreamJobEvents", params(32))["error"]["data"];
  EXPECT_EQ("E_CURSOR_AHEAD", data["error"]);
  EXPECT_EQ(30, data["head"]);
}

TEST_P(Backward, WhatWasTrimmedIsNoBeginning) {
  trim(20);
  const Json kept = page(31);
  EXPECT_EQ(11u, seqs(kept).size());
  EXPECT_EQ(20, kept["first_seq"]);
  EXPECT_EQ(false, kept["more"]) << "no older ones are kept";
  EXPECT_EQ((Seqs{20}), seqs(page(21)));
  for (const std::uint64_t before : {0, 1, 19, 20}) {
    const Json data = kernel.request("StreamJobEvents", params(before))["error"]["data"];
    EXPECT_EQ("E_COMPACTED", data["error"]) << before;
    EXPECT_EQ(20, data["first"]);
    EXPECT_EQ(30, data["head"]);
  }
}

TEST_P(Backward, TheEndIsFinal) {
  ASSERT_TRUE(kernel.append(job, 2, {change_to("succeeded")}).contains("result"));
  EXPECT_EQ(true, page(32, {{"max_events", 2}})["final"]);
  EXPECT_EQ(false, page(31)["final"]);
}

TEST_P(Backward, RefusesInTheOrderOfTheProtocol) {
  EXPECT_EQ("E_INVALID_REQUEST", error(5, {{"since_seq", 0}}));
  EXPECT_EQ("E_INVALID_REQUEST", error(5, {{"wait_ms", 1}}));
  EXPECT_EQ("", error(5, {{"wait_ms", 0}}));
  EXPECT_EQ("E_INVALID_REQUEST",
            kernel.error("StreamJobEvents", {{"job_id", job["job_id"]}, {"before_seq", -1}}));
  EXPECT_EQ("E_NOT_FOUND",
            kernel.error("StreamJobEvents", {{"job_id", "none"}, {"before_seq", 1}}));
  trim(20);
  EXPECT_EQ("E_LOG_CHANGED", error(99, {{"log_id", "other"}}));
  EXPECT_EQ("E_LOG_CHANGED", error(5, {{"log_id", "other"}}));
  ASSERT_TRUE(kernel.append(job, 2, {change_to("succeeded")}).contains("result"));
  kernel.call("DeleteJob", {{"job_id", job["job_id"]}});
  EXPECT_EQ("E_GONE", error(5));
}

}  // namespace
}  // namespace domed::test
