#include "deployment/shared_settings.h"

#include <gtest/gtest.h>

#include "support/scratch.h"

// What all nodes of a store hold to, read by the rules of a deployment.
namespace domed {
namespace {

using namespace std::chrono_literals;

SharedSettings settings_in(const std::string& text) {
  return read_shared_settings("domed: 1\n" + text, "all.yaml", 5s);
}
std::string problems_in(const std::string& text) {
  return testing::error_of([&] { read_shared_settings(text, "all.yaml", 5s); }, "");
}

TEST(SharedSettings, AreThoseThatAreSaid) {
  const auto none = settings_in("");
  EXPECT_FALSE(none.cluster || none.retention || none.mask || none.queues);
  const auto all = settings_in(
      "cluster: {ttl: 3s, lost_after: never}\nretention: {keep_jobs: 7}\nmask: ['x$$']\n");
  EXPECT_EQ((ClusterSettings{3s, std::nullopt}), all.cluster);
  EXPECT_EQ(7, all.retention->keep_jobs);
  EXPECT_EQ(std::vector<std::string>{"x$"}, *all.mask);
  EXPECT_EQ(0u, settings_in("mask: []").mask->size()) << "none, whatever deployments say";
  EXPECT_EQ((std::map<std::string, std::size_t>{{"a", 0}, {"b", 7}}),
            *settings_in("jobs: {queues: {a: 0, b: 7}}").queues);
  EXPECT_EQ(0u, settings_in("jobs: {queues: {}}").queues->size()) << "no limits";
  EXPECT_FALSE(settings_in("jobs: {}").queues || settings_in("jobs:").queues ||
               settings_in("jobs: {queues: }").queues)
      << "they do not say it";
}

TEST(SharedSettings, AreCheckedAsADeployment) {
  EXPECT_EQ("all.yaml:1:1: the file is empty", problems_in(""));
  EXPECT_EQ("all.yaml:1:1: missing key 'domed'; write 'domed: 1', the version of the file's format",
            problems_in("mask: []\n"));
  EXPECT_EQ("all.yaml:2:1: unknown key 'schedules'", problems_in("domed: 1\nschedules: []\n"));
  EXPECT_NE("", problems_in("domed: 2\n"));
  EXPECT_EQ(
      "all.yaml:2:8: jobs.max_running is each node's own, and stands in its deployment: of 'jobs' "
      "the settings of all nodes have 'queues' alone",
      problems_in("domed: 1\njobs: {max_running: 2, queues: {a: 1}}\n"));
  EXPECT_NE("", problems_in("domed: 1\njobs: {queues: {a: -1}}\n"));
  EXPECT_NE("", problems_in("domed: 1\nmask: ['${HOME}']\n")) << "each node has another";
  EXPECT_NE("", problems_in("domed: 1\ncluster: {lost_after: 20s}\n")) << "less than it takes";
  EXPECT_NE("", problems_in("no yaml: ["));
}

TEST(SharedSettings, HoldInThePlaceOfADeployment) {
  Deployment deployment;
  deployment.cluster.emplace();
  deployment.mask = {"own"};
  deployment.retention.keep_jobs = 5;
  deployment.said_at = {{"mask", "a.yaml:3:7: "}, {"retention", "a.yaml:4:1: "}};
  const auto settings = settings_in("mask: [of all]\ncluster: {ttl: 3s}\n");
  const Deployment holds = under(deployment, settings);
  EXPECT_EQ(std::vector<std::string>{"of all"}, holds.mask);
  EXPECT_EQ(5, holds.retention.keep_jobs) << "they do not say it";
  EXPECT_EQ(3s, holds.cluster->ttl);
  EXPECT_EQ(
      std::vector<std::string>{"a.yaml:3:7: mask does not hold: the settings of all nodes say "
                               "it, revision 9 ('domectl cluster show')"},
      ignored_under(deployment, settings, 9));
}

// And the queues that it serves where it does not name them.
TEST(SharedSettings, HaveTheLimitsOfQueuesInThePlaceOfADeployments) {
  Deployment deployment;
  deployment.cluster.emplace();
  deployment.jobs.queues = {{"own", 1}};
  deployment.said_at = {{"jobs.queues", "a.yaml:5:9: "}};
  const auto settings = settings_in("jobs: {queues: {gpu: 2}}\n");
  Deployment holds = under(deployment, settings);
  EXPECT_EQ((std::map<std::string, std::size_t>{{"gpu", 2}}), holds.jobs.queues);
  EXPECT_EQ((std::set<std::string>{"default", "gpu"}), holds.jobs.served());
  deployment.jobs.serve = {"own"};
  holds = under(deployment, settings);
  EXPECT_EQ((std::set<std::string>{"own"}), holds.jobs.served()) << "a queue is there when served";
  EXPECT_EQ(std::vector<std::string>{"a.yaml:5:9: jobs.queues does not hold: the settings of all "
                                     "nodes say it, revision 3 ('domectl cluster show')"},
            ignored_under(deployment, settings, 3));
}

}  // namespace
}  // namespace domed
