#include "domectl/arguments.h"

#include <gtest/gtest.h>

#include "domectl/context.h"

namespace domed::ctl {
namespace {

using Words = std::vector<std::string>;

class ArgumentsTest : public ::testing::Test {
 protected:
  ArgumentsTest() {
    app.fallthrough();
    app.require_subcommand(1);
    app.add_option("--endpoint", text);
    app.add_flag("--json", flag);
    CLI::App* run = app.add_subcommand("run", "");
    run->add_option("--name", text);
    run->add_flag("-q,--quiet", flag);
    app.add_subcommand("logs", "")->add_option("JOB", jobs);
  }
  Arguments read(Words words) {
    words.insert(words.begin(), "domectl");
    std::vector<const char*> argv;
    for (const auto& word : words) argv.push_back(word.c_str());
    return Arguments(app, static_cast<int>(argv.size()), argv.data());
  }
  std::string refusal(const Words& words) try {
    read(words).parse(app);
    return "";
  } catch (const UsageError& e) {
    return e.what();
  }

  CLI::App app;
  std::string text;
  Words jobs;
  bool flag = false;
};

TEST_F(ArgumentsTest, ACommandBeginsWithTheFirstWordThatIsNoOption) {
  EXPECT_EQ((Words{"make", "-j8", "[x]"}), read({"run", "make", "-j8", "[x]"}).command);
  EXPECT_EQ((Words{"make"}), read({"run", "--name", "run", "make"}).command);
  EXPECT_EQ((Words{"make"}), read({"run", "--name=x", "-q", "make"}).command);
  EXPECT_EQ((Words{"run", "x"}), read({"--endpoint", "ipc://x", "run", "run", "x"}).command);
  EXPECT_EQ((Words{"domectl", "run", "--name", "x"}), read({"run", "--name", "x", "make"}).words);
}

TEST_F(ArgumentsTest, BehindTwoDashesAllIsTheCommands) {
  EXPECT_EQ((Words{"make", "--name", "--", "x"}),
            read({"run", "--", "make", "--name", "--", "x"}).command);
  EXPECT_EQ("", refusal({"run", "--", "make", "--json"}));
  EXPECT_FALSE(read({"run", "--", "make", "--json"}).json);
  EXPECT_EQ((Words{"x"}), read({"--endpoint", "y", "run", "--", "x"}).command);
}

TEST_F(ArgumentsTest, WhatCouldBeMeantInTwoWaysIsRefused) {
  const std::vector<Words> unclear{{"run", "make", "--name", "x"},
                                   {"run", "make", "--name=x"},
                                   {"run", "grep", "-q", "x"},
                                   {"run", "make", "--json"},
                                   {"run", "env", "--", "x"}};
  for (const Words& words : unclear)
    EXPECT_NE(std::string::npos, refusal(words).find("may be meant for it")) << words[2];
  EXPECT_EQ("", refusal({"run", "make", "--nam"}));
}

TEST_F(ArgumentsTest, AValueMayBeginWithAMinusWhereItIsANumber) {
  EXPECT_EQ((Words{"domectl", "run", "--name=-1h"}), read({"run", "--name", "-1h", "make"}).words);
  EXPECT_EQ((Words{"domectl", "run", "--name", "-q"}), read({"run", "--name", "-q", "make"}).words);
}

TEST_F(ArgumentsTest, OfOtherVerbsNothingIsACommand) {
  EXPECT_EQ((Words{"domectl", "logs", "run", "x"}), read({"logs", "run", "x"}).words);
  EXPECT_EQ("", refusal({"logs", "run"}));
  EXPECT_EQ((Words{"run"}), jobs);
}

}  // namespace
}  // namespace domed::ctl
