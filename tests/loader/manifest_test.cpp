#include "loader/manifest.h"

#include <gtest/gtest.h>

#include "support/scratch.h"

namespace domed {
namespace {

constexpr const char* kHead =
    "name: store-x\nkind: store\nversion: 1.2.3\nabi: 2\nsummary: S\nlicense: MIT\n";

class ManifestTest : public ::testing::Test {
 protected:
  Manifest load(const std::string& text) {
    return load_manifest(scratch_.write("store-x.yaml", text));
  }
  // The problems of "text", without the path.
  std::string problems(const std::string& text) {
    return testing::error_of([&] { load(text); }, scratch_.path().string() + "/");
  }
  // The problems of one option, whose text begins in line 8, column 6.
  std::string option_problems(const std::string& option) {
    return problems(std::string(kHead) + "options:\n  o: " + option + "\n");
  }

  testing::Scratch scratch_;
};

TEST_F(ManifestTest, WholeManifestIsRead) {
  const Manifest m = load(std::string(kHead) + R"(homepage: https://example.org
capabilities: [fast]
options:
  path: {type: path, default: x.db, description: Where.}
  mode: {type: enum, values: [full, "off"], default: full, description: How.}
  wait: {type: duration, default: 2s, min: 1s, max: 1m, description: Wait.}
  room: {type: size, required: true, example: 1GiB, description: Room.}
  key:  {type: string, required: true, secret: true, pattern: "[a-z]+", description: Key.}
  tags: {type: list, default: [a, b], values: [a, b, c], description: Tags.}
  old:  {type: integer, default: 1, deprecated: use room, description: Old.}
  on:   {type: boolean, default: true, description: On.}
)");
  EXPECT_EQ(m.library, scratch_.path() / "store-x.so");
  EXPECT_EQ(m.capabilities, std::vector<std::string>{"fast"});
  ASSERT_EQ(m.options.size(), 8u);
  EXPECT_EQ(m.options[0].name, "path");
  EXPECT_EQ(m.option("wait")->default_value, OptionValue(std::chrono::milliseconds(2000)));
  EXPECT_EQ(m.option("tags")->default_value, OptionValue(std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(m.option("key")->secret);
  EXPECT_EQ(m.option("old")->deprecated, "use room");
  EXPECT_EQ(m.option("nope"), nullptr);
}

TEST_F(ManifestTest, EmptyFileIsRefused) {
  EXPECT_EQ(problems("# nothing\n"), "store-x.yaml:1:1: the file is empty");
}

TEST_F(ManifestTest, ListIsNoManifest) {
  EXPECT_EQ(problems("- a\n"), "store-x.yaml:1:1: the file must be a map (key: value)");
}

TEST_F(ManifestTest, MissingKeysAreAllReported) {
  EXPECT_EQ(problems("kind: store\nversion: 1.0\nabi: 2\n"),
            "store-x.yaml:1:1: missing key 'name'\nstore-x.yaml:1:1: missing key 'summary'\n"
            "store-x.yaml:1:1: missing key 'license'");
}

TEST_F(ManifestTest, SevenMistakesGiveSevenLines) {
  EXPECT_EQ(
      problems("name: store-y\nkind: stor\nversion: one\nabi: 0\nsummary: []\nlicense: MIT\n"
               "licence: MIT\nlicense: GPL\n"),
      "store-x.yaml:1:7: name is 'store-y', the file's name says 'store-x'; they must be equal\n"
      "store-x.yaml:2:7: kind must be one of store, provenance, is 'stor' (did you mean 'store'?)\n"
      "store-x.yaml:3:10: version must be like 1.2.3, is 'one'\n"
      "store-x.yaml:4:6: abi must be an integer from 1 to 65535, is '0'\n"
      "store-x.yaml:5:10: summary must be text, is a list\n"
      "store-x.yaml:7:1: unknown key 'licence' (did you mean 'license'?)\n"
      "store-x.yaml:8:1: duplicate key 'license'");
}

TEST_F(ManifestTest, OptionNeedsTypeAndDescription) {
  EXPECT_EQ(option_problems("{default: 1}"),
            "store-x.yaml:8:6: option 'o': missing key 'type'\n"
            "store-x.yaml:8:6: option 'o': missing key 'description'");
}

TEST_F(ManifestTest, OptionNeedsExactlyOneOfDefaultAndRequired) {
  const std::string expected =
      "store-x.yaml:8:3: option 'o' needs exactly one of 'default' and 'required: true'";
  EXPECT_EQ(option_problems("{type: integer, description: d}"), expected);
  EXPECT_EQ(option_problems("{type: integer, description: d, default: 1, required: true}"),
            expected);
}

TEST_F(ManifestTest, UnknownTypeIsNamed) {
  EXPECT_EQ(option_problems("{type: int, description: d, default: 1}"),
            "store-x.yaml:8:13: option 'o': unknown type 'int'; a type is one of string, integer, "
            "boolean, duration, size, path, enum, list");
}

TEST_F(ManifestTest, DefaultsAreCheckedAgainstTheType) {
  EXPECT_EQ(option_problems("{type: integer, description: d, default: x}"),
            "store-x.yaml:8:47: option 'o': 'default' must be an integer, is 'x'");
  EXPECT_EQ(option_problems("{type: duration, min: 1s, description: d, default: 10ms}"),
            "store-x.yaml:8:57: option 'o': 'default' must be a duration (such as 1500ms, 2s, 1h), "
            "at least 1s, is '10ms'");
  EXPECT_EQ(option_problems("{type: enum, values: [full, none], description: d, default: ful}"),
            "store-x.yaml:8:66: option 'o': 'default' must be one of full, none, is 'ful' (did you "
            "mean 'full'?)");
}

TEST_F(ManifestTest, ExamplesAreCheckedToo) {
  EXPECT_EQ(option_problems("{type: size, description: d, required: true, example: big}"),
            "store-x.yaml:8:60: option 'o': 'example' must be a size (such as 64KiB), is 'big'");
}

TEST_F(ManifestTest, RangesMustFitTheType) {
  EXPECT_EQ(option_problems("{type: string, description: d, default: a, min: 1}"),
            "store-x.yaml:8:54: option 'o': 'min' does not go with type string");
  EXPECT_EQ(option_problems("{type: integer, description: d, default: 5, min: 9, max: 1}"),
            "store-x.yaml:8:55: option 'o': 'min' is above 'max'");
}

TEST_F(ManifestTest, EnumNeedsValues) {
  EXPECT_EQ(option_problems("{type: enum, description: d, default: a}"),
            "store-x.yaml:8:3: option 'o': an enum needs 'values', a list of what it may be");
}

TEST_F(ManifestTest, BadPatternIsRefused) {
  EXPECT_NE(option_problems("{type: string, description: d, default: a, pattern: \"[\"}")
                .find("store-x.yaml:8:58: option 'o': 'pattern' is not an ECMAScript"),
            std::string::npos);
}

TEST_F(ManifestTest, PatternsCannotTakeLong) {
  const std::string letters(40, 'a');
  EXPECT_EQ(
      option_problems("{type: string, description: d, default: " + letters + ", pattern: (a+)+b}"),
      "store-x.yaml:8:46: option 'o': 'default' must be text matching (a+)+b, is '" + letters +
          "'");
}

TEST_F(ManifestTest, LibraryLiesBesideTheManifest) {
  for (const char* library : {"/lib/x.so", "../x.so", "sub/x.so", "..", "\"\""})
    EXPECT_NE(problems(std::string(kHead) + "library: " + library + "\n")
                  .find("store-x.yaml:7:10: library must be the name of a file beside"),
              std::string::npos)
        << library;
  EXPECT_EQ(load(std::string(kHead) + "library: y.so\n").library, scratch_.path() / "y.so");
}

TEST_F(ManifestTest, OptionNamesAreRestricted) {
  EXPECT_EQ(problems(std::string(kHead) +
                     "options:\n  Bad-Name: {type: string, description: d, default: a}\n"),
            "store-x.yaml:8:3: option 'Bad-Name': a name is lower-case letters, digits and _, a "
            "letter first");
}

TEST_F(ManifestTest, OptionMustBeAMap) {
  EXPECT_EQ(option_problems("[a]"),
            "store-x.yaml:8:3: option 'o' needs exactly one of 'default' and 'required: true'\n"
            "store-x.yaml:8:6: option 'o' must be a map (key: value)");
}

}  // namespace
}  // namespace domed
