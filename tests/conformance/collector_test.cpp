#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <vector>

#include "domed/error.h"
#include "plugin_under_test.h"
#include "target.h"

namespace conformance {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Every unknown names its reason, and nothing is left empty.
void expect_honest(const Json& object, const std::string& where) {
  for (const auto& [key, value] : object.items()) {
    const std::string path = where + key;
    EXPECT_NE(Json(""), value) << path << " is empty";
    EXPECT_TRUE(value != "unknown" || object.contains(key + "_reason")) << path << " has no reason";
    if (value.is_object()) expect_honest(value, path + '.');
  }
}

class Collector : public ::testing::Test {
 protected:
  void SetUp() override { collector_ = make_collector(scratch_.path()); }

  std::string directory(const std::string& name) {
    const auto path = scratch_.path() / name;
    std::filesystem::create_directories(path);
    return path.string();
  }

  std::string ask(const std::string& cwd, milliseconds budget = milliseconds(10'000)) {
    return collector_->collect({.cwd = cwd, .tool_id = "", .budget = budget});
  }

  // What collect() answers about "cwd", checked as far as every answer can be.
  // A collector may also fail as a whole: then it says why.
  void check(const std::string& cwd) {
    try {
      const Json answer = Json::parse(ask(cwd));
      ASSERT_TRUE(answer.is_object()) << answer;
      for (const std::string& field : plugin().manifest().capabilities)
        EXPECT_TRUE(answer.contains(field)) << "announced, but absent: " << field;
      expect_honest(answer, "");
    } catch (const domed::Error& error) {
      EXPECT_STRNE("", error.what());
    }
  }

  Scratch scratch_;
  std::unique_ptr<domed::Collector> collector_;
};

TEST_F(Collector, AnnouncesItsFields) {
  EXPECT_FALSE(plugin().manifest().capabilities.empty())
      << "capabilities are the fields that become unknown when the collector fails";
}

TEST_F(Collector, AnswersWithEveryFieldItAnnounces) {
  check(directory("plain"));
}

TEST_F(Collector, SurvivesAMissingDirectory) {
  check((scratch_.path() / "missing").string());
}

TEST_F(Collector, SurvivesAFileInPlaceOfTheDirectory) {
  std::ofstream(scratch_.path() / "file") << "text";
  check((scratch_.path() / "file").string());
}

TEST_F(Collector, SurvivesStrangeNames) {
  check(directory("with space"));
  check(directory("-rf"));
  check(directory("new\nline"));
  check(directory("\xc3\xa9'\"$(exit 1)`exit 1`;\\"));
  check("/");
  check("/proc/self/fd");
}

TEST_F(Collector, AnswersTheSameWhileNothingChanges) {
  const std::string cwd = directory("plain");
  EXPECT_EQ(ask(cwd), ask(cwd));
}

TEST_F(Collector, KeepsItsBudget) {
  const std::string cwd = directory("plain");
  for (const milliseconds budget : {milliseconds(1), milliseconds(50), milliseconds(500)}) {
    const auto begin = steady_clock::now();
    try {
      ask(cwd, budget);
    } catch (const domed::Error&) {
      // "out of time" is an answer too
    }
    EXPECT_LT(steady_clock::now() - begin, budget + milliseconds(3000)) << budget.count() << " ms";
  }
}

TEST_F(Collector, AnswersSeveralThreadsAtOnce) {
  const std::string cwd = directory("plain");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 3; ++n) check(cwd);
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Collector, LeavesTheDirectoryAsItWas) {
  const std::string cwd = directory("plain");
  check(cwd);
  EXPECT_TRUE(std::filesystem::is_empty(cwd));
}

}  // namespace
}  // namespace conformance
