#include "loader/options.h"

#include <gtest/gtest.h>

#include "support/scratch.h"

namespace domed {
namespace {

using std::chrono::milliseconds;

constexpr const char* kManifest = R"(name: store-x
kind: store
version: 1.0
abi: 2
summary: S
license: MIT
options:
  path: {type: path, default: x.db, description: The file.}
  mode: {type: enum, values: [full, none], default: full, description: How.}
  wait: {type: duration, default: 2s, max: 1m, description: Wait.}
  room: {type: size, default: 1KiB, description: Room.}
  keep: {type: integer, required: true, min: 1, max: 9, description: Most kept.}
  sync: {type: boolean, default: true, description: Sync.}
  tags: {type: list, default: [], pattern: "[a-z]+", description: Tags.}
  key:  {type: string, default: "", secret: true, pattern: "[a-z]*", description: Key.}
  old:  {type: string, default: "", deprecated: use 'tags', description: Old.}
)";

class OptionsTest : public ::testing::Test {
 protected:
  OptionsTest() : manifest_(load_manifest(scratch_.write("store-x.yaml", kManifest))) {}

  OptionValues make(std::map<std::string, std::string> values) {
    return make_options(manifest_, values, "/state");
  }
  std::string problems(std::map<std::string, std::string> values) {
    return testing::error_of([&] { make(values); });
  }
  // Checks "yaml" as the options of a deployment; the problems.
  std::string checked(const std::string& yaml) {
    Checker check("f");
    const YamlNode root = check.parse(yaml);
    check_options(manifest_, root.find("options"), *root.find("plugin"), "/state", check);
    for (const auto& warning : check.warnings()) warnings_ += warning;
    return check.text();
  }

  testing::Scratch scratch_;
  Manifest manifest_;
  std::string warnings_;
};

TEST_F(OptionsTest, DefaultsAreThere) {
  const OptionValues options = make({{"keep", "3"}});
  EXPECT_EQ(options.text("path"), "/state/x.db");
  EXPECT_EQ(options.text("mode"), "full");
  EXPECT_EQ(options.duration("wait"), milliseconds(2000));
  EXPECT_EQ(options.size("room"), 1024u);
  EXPECT_EQ(options.integer("keep"), 3);
  EXPECT_TRUE(options.boolean("sync"));
  EXPECT_TRUE(options.list("tags").empty());
}

TEST_F(OptionsTest, GivenValuesReplaceDefaults) {
  const OptionValues options = make({{"keep", "9"}, {"path", "/abs/../y"}, {"tags", "a,b"}});
  EXPECT_EQ(options.text("path"), "/y");
  EXPECT_EQ(options.list("tags"), (std::vector<std::string>{"a", "b"}));
}

TEST_F(OptionsTest, EveryProblemIsReported) {
  EXPECT_EQ(problems({{"kep", "1"}, {"mode", "ful"}, {"wait", "2m"}, {"tags", "a,B"}}),
            "store-x has no option 'kep' (did you mean 'keep'?)\n"
            "store-x: 'mode' must be one of full, none, is 'ful' (did you mean 'full'?)\n"
            "store-x: 'wait' must be a duration (such as 1500ms, 2s, 1h), at most 1m, is '2m'\n"
            "store-x needs the option 'keep' (an integer from 1 to 9): Most kept.\n"
            "store-x: 'tags' must be a list of texts matching [a-z]+, is 'B'");
}

TEST_F(OptionsTest, SecretsAreNotShown) {
  EXPECT_EQ(
      problems({{"keep", "1"}, {"key", "S3CRET"}}),
      "store-x: 'key' must be text matching [a-z]*, is something else (not shown: it is secret)");
  EXPECT_EQ(make({{"keep", "1"}, {"key", "abc"}}).secrets(), std::vector<std::string>{"abc"});
  EXPECT_TRUE(make({{"keep", "1"}}).secrets().empty());
}

TEST_F(OptionsTest, UndeclaredOptionIsAnInternalError) {
  const OptionValues options = make({{"keep", "1"}});
  EXPECT_EQ(testing::code_of([&] { options.text("nope"); }), Code::internal);
  EXPECT_EQ(testing::error_of([&] { options.text("nope"); }),
            "store-x asks for the option 'nope', which its manifest does not declare");
}

TEST_F(OptionsTest, OtherTypeThanDeclaredIsAnInternalError) {
  const OptionValues options = make({{"keep", "1"}});
  EXPECT_EQ(testing::code_of([&] { options.integer("room"); }), Code::internal);
  EXPECT_EQ(testing::error_of([&] { options.text("keep"); }),
            "store-x asks for the option 'keep' as text, its manifest declares integer");
}

TEST_F(OptionsTest, DeploymentOptionsHavePlaces) {
  EXPECT_EQ(
      checked("plugin: store-x\noptions:\n  mod: full\n  keep: 10\n  sync: yes\n  tags: a\n  wait: "
              "[1s]\n"),
      "f:3:3: store-x has no option 'mod' (did you mean 'mode'?)\n"
      "f:4:9: store-x: 'keep' must be an integer from 1 to 9, is '10'\n"
      "f:5:9: store-x: 'sync' must be true or false, is 'yes'\n"
      "f:6:9: store-x: 'tags' must be a list of texts matching [a-z]+, is 'a'\n"
      "f:7:9: store-x: 'wait' must be a duration (such as 1500ms, 2s, 1h), at most 1m, is a list");
}

TEST_F(OptionsTest, MissingOptionIsReportedAtThePlugin) {
  EXPECT_EQ(checked("plugin: store-x\n"),
            "f:1:9: store-x needs the option 'keep' (an integer from 1 to 9): Most kept.");
}

TEST_F(OptionsTest, OptionsMustBeAMap) {
  EXPECT_EQ(checked("plugin: store-x\noptions: [keep]\n").substr(0, 29),
            "f:2:10: options of store-x mu");
}

TEST_F(OptionsTest, DeprecatedOptionIsAWarning) {
  EXPECT_EQ(checked("plugin: store-x\noptions: {keep: 1, old: x}\n"), "");
  EXPECT_EQ(warnings_, "f:2:25: store-x: 'old' is deprecated: use 'tags'");
}

TEST_F(OptionsTest, LongTextsForPatternsAreRefused) {
  EXPECT_NE(problems({{"keep", "1"}, {"tags", std::string(1'000'000, 'a')}}), "");
}

TEST(OptionSpecTest, WrittenValuesReadBack) {
  OptionSpec spec;
  spec.type = OptionType::string;
  for (const std::string text :
       {"", "plain", "- a", "null", "a: b", "#x", "\"q\"", "tab\t", "\u00e9", "~"}) {
    Checker check("f");
    const YamlNode root = check.parse("k: " + write_option(text));
    std::string problem;
    EXPECT_EQ(read_option(spec, *root.find("k"), problem), OptionValue(text)) << problem;
  }
  EXPECT_EQ(write_option(std::string("a$b"), true), "\"a$$b\"");
}

}  // namespace
}  // namespace domed
