#include "run/provenance.h"

#include <future>

#include "harness.h"

namespace domed::test {
namespace {

class FakeCollector final : public Collector {
 public:
  explicit FakeCollector(std::function<std::string(const CollectRequest&)> answer) : answer_(std::move(answer)) {}
  std::string collect(const CollectRequest& request) override { return answer_(request); }

 private:
  std::function<std::string(const CollectRequest&)> answer_;
};

Json record(std::function<std::string(const CollectRequest&)> answer, const std::string& cwd = "/somewhere") {
  std::vector<Source> sources;
  sources.push_back({"fake", "1.2.3", {"commit_sha", "dirty_flag"}, std::chrono::milliseconds(50),
                     std::make_shared<FakeCollector>(std::move(answer))});
  const Provenance provenance(std::move(sources), [](const std::string&) {});
  JobFixed job;
  job.request = {{"command", {"true"}}};
  return Json::parse(provenance.collect(job, cwd));
}

void expect_unknown(const Json& from, const std::string& field, const std::string& why) {
  EXPECT_EQ("unknown", from[field]);
  EXPECT_NE(std::string::npos, from.value(field + "_reason", "").find(why)) << from;
}

TEST(Provenance, MergesWhatACollectorFoundWithWhatTheKernelKnows) {
  const Json got = record([](const auto&) { return R"({"commit_sha":"abc","tool_versions":{"git":"2.39"}})"; });
  EXPECT_EQ("abc", got["commit_sha"]);
  EXPECT_EQ("2.39", got["tool_versions"]["git"]);
  EXPECT_EQ("1.2.3", got["tool_versions"]["plugins"]["fake"]);
  EXPECT_EQ(64u, got["env_fingerprint_hash"].get<std::string>().size());
  expect_unknown(got, "repo", "no provenance plugin");
}

TEST(Provenance, ACollectorThatThrowsCostsItsOwnFields) {
  const Json got = record([](const auto&) -> std::string { throw Error(Code::io, "it broke"); });
  expect_unknown(got, "commit_sha", "it broke");
  expect_unknown(got, "dirty_flag", "it broke");
}

TEST(Provenance, ACollectorThatReturnsRubbishCostsItsOwnFields) {
  for (const char* rubbish : {"", "[]", "{", "{\"a\":1,\"a\":2}", "\xff"})
    expect_unknown(record([=](const auto&) { return rubbish; }), "commit_sha", "");
}

TEST(Provenance, ACollectorThatHangsIsLeftAlone) {
  auto release = std::make_shared<std::promise<void>>();
  auto gate = std::make_shared<std::shared_future<void>>(release->get_future());
  const Json got = record([gate](const auto&) {
    gate->wait();
    return std::string("{}");
  });
  expect_unknown(got, "commit_sha", "did not answer");
  release->set_value();
}

TEST(Provenance, WithoutAWorkingDirectoryNothingIsGuessed) {
  expect_unknown(record([](const auto&) { return R"({"commit_sha":"abc"})"; }, ""), "commit_sha", "no working directory");
}

TEST(Provenance, TellsWhetherTheSourcesMovedMeanwhile) {
  std::string commit = "one";
  std::vector<Source> sources;
  sources.push_back({"fake", "1", {}, std::chrono::milliseconds(1000), std::make_shared<FakeCollector>([&](const auto&) {
                       return R"({"commit_sha":")" + commit + R"(","tree_sha":"t","ref":"r","dirty_flag":"false","diff_sha256":"d"})";
                     })});
  const Provenance provenance(std::move(sources), [](const std::string&) {});
  JobFixed job;
  job.request = Json::object();
  job.provenance = provenance.collect(job, "/x");
  EXPECT_EQ("false", Json::parse(provenance.collect_end(job, "/x"))["drift"]);
  commit = "two";
  const Json end = Json::parse(provenance.collect_end(job, "/x"));
  EXPECT_EQ("true", end["drift"]);
  EXPECT_EQ(Json{"commit_sha"}, end["moved"]);
}

}  // namespace
}  // namespace domed::test
