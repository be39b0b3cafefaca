// ApplyCluster and GetCluster, at a daemon that is one of several: what is refused, and that it
// changes nothing.
#include "api/cluster.h"

#include "deployment/shared_settings.h"
#include "support/harness.h"

namespace domed::test {
namespace {

using namespace std::chrono_literals;

class SettingsOfAll : public ::testing::Test {
 protected:
  // Its result, or the text of its refusal.
  Json apply(const std::string& text, int revision = 0) {
    return ask(Json{{"text", text}, {"file", "all.yaml"}, {"revision", revision}},
               [this](Call call) { methods_.apply_cluster(std::move(call)); });
  }
  Json present() {
    return ask(Json::object(), [this](Call call) { methods_.get_cluster(std::move(call)); });
  }
  static std::string problems(const std::string& lines) {
    return "E_INVALID_REQUEST the settings cannot be used, and nothing has changed:\n" + lines;
  }
  int taken_ = 0;

 private:
  static Json ask(const Json& params, const std::function<void(Call)>& method) {
    Json out;
    Call call;
    call.params = params.dump();
    call.reply = [&](const std::string& reply) { out = Json::parse(reply).at("result"); };
    try {
      method(std::move(call));
    } catch (const ApiError& e) {
      out = e.name() + " " + e.what();
    }
    return out;
  }

  Scratch scratch_;
  Kernel kernel_{"store-memory", scratch_.path()};
  ClusterMethods methods_{*kernel_.store,
                          *kernel_.journal,
                          {[](const std::string& text, const std::string& file) {
                             read_shared_settings(text, file, 5s);
                           },
                           [this] { ++taken_; }}};
};

TEST_F(SettingsOfAll, HaveLimitsOfQueues) {
  const std::string text = "domed: 1\njobs: { queues: { gpu: 2, night: 0 } }\n";
  EXPECT_EQ((Json{{"revision", 1}}), apply(text));
  EXPECT_EQ(1, taken_);
  EXPECT_EQ(text, present().at("text"));
}

TEST_F(SettingsOfAll, RefuseWhatElseJobsHaveByItsPlace) {
  EXPECT_EQ(problems("all.yaml:3:3: jobs.max_running is each node's own, and stands in its "
                     "deployment: of 'jobs' the settings of all nodes have 'queues' alone\n"
                     "all.yaml:5:3: jobs.serve is each node's own, and stands in its deployment: "
                     "of 'jobs' the settings of all nodes have 'queues' alone\n"
                     "all.yaml:6:3: unknown key 'queue' in jobs (did you mean 'queues'?)"),
            apply("domed: 1\njobs:\n  max_running: 3\n  queues: { a: 1 }\n  serve: [a]\n"
                  "  queue: { b: 1 }\n"));
  EXPECT_EQ(0, present().at("revision"));
  EXPECT_EQ(0, taken_);
}

TEST_F(SettingsOfAll, RefuseLimitsThatAreNone) {
  EXPECT_EQ(problems("all.yaml:2:21: jobs.queues.a must be an integer from 0 to 4096, is '-1'"),
            apply("domed: 1\njobs: { queues: {a: -1} }\n"));
  EXPECT_EQ(problems("all.yaml:2:18: jobs.queues: a queue's name has 1 to 128 bytes"),
            apply("domed: 1\njobs: { queues: {'': 1} }\n"));
  for (const char* jobs : {"7", "[queues]", "{queues: 7}", "{queues: [a]}", "{queues: {a: b}}",
                           "{queues: {a: 1, a: 2}}", "{queues: {a: 4097}}"})
    EXPECT_EQ(0u, apply("domed: 1\njobs: " + std::string(jobs)).dump().find("\"E_INVALID_REQUEST"))
        << jobs;
  EXPECT_EQ(0, present().at("revision"));
}

TEST_F(SettingsOfAll, RefuseSchedulesForThereAreNone) {
  EXPECT_EQ(problems("all.yaml:2:1: unknown key 'schedules'"), apply("domed: 1\nschedules: []\n"));
}

TEST_F(SettingsOfAll, AreNotLostUnderOthers) {
  apply("domed: 1\njobs: { queues: { a: 1 } }\n");
  EXPECT_EQ(
      "E_INVALID_TRANSITION somebody has applied other settings meanwhile: they are of revision "
      "1, not 0: look at them, and apply yours again",
      apply("domed: 1\njobs: { queues: { a: 2 } }\n"));
  EXPECT_EQ((Json{{"revision", 2}}), apply("domed: 1\njobs: { queues: { a: 2 } }\n", 1));
  EXPECT_EQ(2, taken_);
}

}  // namespace
}  // namespace domed::test
