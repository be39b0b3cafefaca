#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <vector>

#include "domed/error.h"
#include "subject.h"
#include "target.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;
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

// "a.b" announces the part b of the field a.
Json::json_pointer pointer_to(std::string field) {
  std::replace(field.begin(), field.end(), '.', '/');
  return Json::json_pointer("/" + field);
}

class Collector : public ::testing::Test {
 protected:
  void SetUp() override { collector_ = make_collector(scratch_.path()); }

  std::string directory(const std::string& name) {
    const auto path = scratch_.path() / name;
    fs::create_directories(path);
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
      for (const std::string& field : subject().manifest->capabilities)
        EXPECT_TRUE(answer.contains(pointer_to(field))) << "announced, but absent: " << field;
      expect_honest(answer, "");
    } catch (const domed::Error& error) {
      EXPECT_STRNE("", error.what());
      EXPECT_NE(domed::Code::internal, error.code()) << error.what();
    } catch (const Json::exception& error) {
      ADD_FAILURE() << "the answer is not JSON: " << error.what();
    }
  }

  Scratch scratch_;
  std::unique_ptr<domed::Collector> collector_;
};

TEST_F(Collector, AnnouncesItsFields) {
  EXPECT_FALSE(subject().manifest->capabilities.empty())
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
  EXPECT_TRUE(fs::is_empty(cwd));
}

// A repository whose configuration names programs, each of which would leave a
// mark outside of it.  git itself runs them, which shows that the traps work.
class CollectorInRepository : public Collector {
 protected:
  void SetUp() override {
    Collector::SetUp();
    if (!git("--version")) CANNOT_CHECK("there is no git to make a repository with");
    fs::create_directories(repository_);
    std::ofstream(repository_ / "file.txt") << "one\n";
    std::ofstream(repository_ / ".gitattributes") << "* filter=trap diff=trap\n";
    ASSERT_TRUE(git("init -q") && git("add .") && git("commit -q -m first"));
    std::ofstream(repository_ / "file.txt") << "two\n";
    set_traps();
  }

  // Runs git there, without the user's configuration.
  bool git(const std::string& arguments) {
    const std::string command =
        "cd '" + (fs::exists(repository_) ? repository_ : scratch_.path()).string() +
        "' && HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 git -c user.name=n -c user.email=e " +
        arguments + " >/dev/null 2>&1 </dev/null";
    return std::system(command.c_str()) == 0;
  }

  void set_traps() {
    const fs::path trap = scratch_.path() / "trap";
    std::ofstream(trap) << "#!/bin/sh\necho sprung >> '" << mark_.string() << "'\ncat\n";
    fs::permissions(trap, fs::perms(0755));
    for (const char* key : {"core.fsmonitor", "filter.trap.clean", "filter.trap.smudge",
                            "diff.external", "diff.trap.textconv", "diff.trap.command",
                            "core.sshCommand", "core.pager", "core.editor", "credential.helper"})
      ASSERT_TRUE(git(std::string("config ") + key + " '" + trap.string() + "'"));
    fs::copy_file(trap, repository_ / ".git/hooks/post-index-change");
  }

  bool sprung() const { return fs::exists(mark_); }

  const fs::path repository_ = scratch_.path() / "repository";
  const fs::path mark_ = scratch_.path() / "mark";
};

TEST_F(CollectorInRepository, TrapsWork) {
  git("status");
  EXPECT_TRUE(sprung()) << "the other tests of this group would prove nothing";
}

TEST_F(CollectorInRepository, RunsNothingThatTheRepositoryNames) {
  check(repository_.string());
  fs::create_directory(repository_ / "below");
  check((repository_ / "below").string());
  EXPECT_FALSE(sprung()) << "a program that the repository names was run";
}

TEST_F(CollectorInRepository, IsNotLedByTheEnvironment) {
  const std::string plain = ask(repository_.string());
  const std::string trap = (scratch_.path() / "trap").string();
  const std::vector<std::pair<const char*, std::string>> variables = {
      {"GIT_DIR", "/nonexistent"},
      {"GIT_WORK_TREE", "/etc"},
      {"GIT_INDEX_FILE", "/nonexistent"},
      {"GIT_CONFIG_COUNT", "1"},
      {"GIT_CONFIG_KEY_0", "core.fsmonitor"},
      {"GIT_CONFIG_VALUE_0", trap},
      {"GIT_EXTERNAL_DIFF", trap},
      {"GIT_CEILING_DIRECTORIES", scratch_.path().string()}};
  for (const auto& [name, value] : variables) ::setenv(name, value.c_str(), 1);
  const auto collector = make_collector(scratch_.path());
  const std::string led = collector->collect(
      {.cwd = repository_.string(), .tool_id = "", .budget = milliseconds(10'000)});
  for (const auto& [name, value] : variables) ::unsetenv(name);
  EXPECT_EQ(plain, led);
  EXPECT_FALSE(sprung()) << "a program that the environment names was run";
}

// The best of some attempts counts: a loaded machine makes one slow, never all;
// a collector that does not look at its budget is slow in all.
TEST_F(CollectorInRepository, KeepsItsBudget) {
  for (int i = 0; i < 1000; ++i)
    std::ofstream(repository_ / ("file" + std::to_string(i))) << std::string(2000, 'x');
  for (const milliseconds budget : {milliseconds(20), milliseconds(500)}) {
    auto best = steady_clock::duration::max();
    for (int attempt = 0; attempt < 8 && best > budget + milliseconds(30); ++attempt) {
      const auto begin = steady_clock::now();
      try {
        ask(repository_.string(), budget);
      } catch (const domed::Error&) {
        // "out of time" is an answer too
      }
      best = std::min(best, steady_clock::now() - begin);
    }
    EXPECT_LE(best, budget + milliseconds(30)) << "with a budget of " << budget.count() << " ms";
  }
}

}  // namespace
}  // namespace conformance
