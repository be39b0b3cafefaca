#include "yaml/yaml_check.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <random>

#include "base/units.h"
#include "support/no_descriptors.h"
#include "support/scratch.h"
#include "yaml/yaml_fields.h"

namespace domed {
namespace {

std::string problems_of(const std::string& text) {
  Checker check("f");
  check.parse(text);
  return check.text();
}

TEST(YamlCheck, ScalarsKeepTheirTextAndPlace) {
  Checker check("f");
  const YamlNode root = check.parse("a: 1.10\nb:\n  - \"x\"\n");
  EXPECT_TRUE(check.ok()) << check.text();
  EXPECT_EQ(root.find("a")->text, "1.10");
  const YamlNode& x = root.find("b")->items[0];
  EXPECT_EQ(std::pair(x.line, x.column), std::pair(3, 5));
  EXPECT_TRUE(x.quoted);
}

TEST(YamlCheck, DuplicateKeysAreRefusedAtEveryLevel) {
  EXPECT_EQ(problems_of("a: 1\nb: {c: 1, c: 2}\na: 2\n"),
            "f:2:11: duplicate key 'c'\nf:3:1: duplicate key 'a'");
}

TEST(YamlCheck, AnchorsAndAliasesAreRefused) {
  EXPECT_EQ(problems_of("a: &x [1]\nb: *x\n"),
            "f:1:4: anchor 'x': anchors and aliases are not supported; repeat the value\n"
            "f:2:4: anchors and aliases are not supported; repeat the value");
}

TEST(YamlCheck, AliasBombEndsAtOnce) {
  std::string text = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 60; ++i) {
    const std::string name = "a" + std::to_string(i), last = "*a" + std::to_string(i - 1);
    text += name + ": &" + name + " [" + last + ", " + last + "]\n";
  }
  EXPECT_NE(problems_of(text), "");
}

TEST(YamlCheck, TagsAreRefused) {
  EXPECT_EQ(problems_of("a: !!int 3\n"),
            "f:1:4: tag 'tag:yaml.org,2002:int': tags are not supported; remove it");
}

TEST(YamlCheck, KeysMustBeText) {
  EXPECT_EQ(problems_of("[a, b]: 1\n~: 2\n"),
            "f:1:1: a key must be text\nf:2:1: a key must be text");
}

TEST(YamlCheck, DeepNestingIsRefused) {
  const auto nested = [](std::size_t depth) {
    return "a: " + std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(problems_of(nested(31)), "");
  EXPECT_EQ(problems_of(nested(32)), "f:1:35: not valid YAML: nested deeper than 32 levels");
  EXPECT_NE(problems_of("a: " + std::string(100'000, '[')), "");
}

TEST(YamlCheck, InvalidYamlHasAPlace) {
  EXPECT_EQ(problems_of("a: 1\nb: [1, 2}\n").substr(0, 25), "f:2:9: not valid YAML: il");
}

TEST(YamlCheck, SecondDocumentIsRefused) {
  EXPECT_EQ(problems_of("a: 1\n---\nb: 2\n"),
            "f:2:1: not valid YAML: a second document; a file holds one");
}

TEST(YamlCheck, BytesThatAreNotUtf8AreRefused) {
  EXPECT_EQ(problems_of("a: \xff\n"), "f:1:1: not UTF-8; save the file as UTF-8");
}

TEST(YamlCheck, NulInAValueIsRefused) {
  EXPECT_EQ(problems_of("a: \"x\\0y\"\n"), "f:1:4: a value cannot contain a NUL character");
}

TEST(YamlCheck, HugeFileIsRefused) {
  const testing::Scratch scratch;
  Checker check(scratch.write("f", std::string(Checker::kMaxBytes + 1, '#')));
  check.read();
  EXPECT_NE(check.text().find(":1:1: larger than 1 MiB"), std::string::npos) << check.text();
}

TEST(YamlCheck, FifoDoesNotBlock) {
  const testing::Scratch scratch;
  const auto fifo = scratch.path() / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(testing::error_of([&] { Checker(fifo).read(); }),
            fifo.string() + ": not a regular file");
}

TEST(YamlCheck, FileThatCannotBeReadSaysWhy) {
  const testing::Scratch scratch;
  const auto file = scratch.write("f", "a: 1\n");
  const auto loop = scratch.path() / "loop";
  std::filesystem::create_symlink(loop, loop);
  EXPECT_EQ(testing::error_of([&] { Checker(loop).read(); }),
            loop.string() + ": cannot be read: Too many levels of symbolic links");
  const testing::NoDescriptors none;
  EXPECT_EQ(testing::error_of([&] { Checker(file).read(); }),
            file.string() + ": cannot be read: Too many open files");
}

TEST(YamlCheck, AbsentFileIsNotFound) {
  EXPECT_EQ(testing::code_of([] { Checker("/nonexistent/x.yaml").read(); }), Code::not_found);
}

TEST(YamlCheck, ProblemsAreSortedByPlace) {
  Checker check("f");
  check.fail(10, 1, "d"), check.fail(2, 9, "b"), check.fail(2, 10, "c"), check.fail(2, 9, "b2");
  EXPECT_EQ(check.text(), "f:2:9: b\nf:2:9: b2\nf:2:10: c\nf:10:1: d");
}

TEST(YamlCheck, EndlessProblemsAreCounted) {
  Checker check("f");
  for (int line = 1; line <= 250; ++line) check.fail(line, 1, "x");
  const std::string end = "\nf:200:1: x\nf: and 50 more problems";
  EXPECT_EQ(check.text().substr(check.text().size() - end.size()), end);
}

TEST(YamlCheck, SuggestsOnlyWhatIsClose) {
  EXPECT_EQ(did_you_mean("optoins", {"plugin", "options"}), " (did you mean 'options'?)");
  EXPECT_EQ(did_you_mean("colour", {"plugin", "options"}), "");
  EXPECT_EQ(did_you_mean("", {"plugin", ""}), " (did you mean ''?)");
}

TEST(YamlCheck, LongQuotesAreCutBetweenCharacters) {
  std::string text(119, 'a');
  text += "\u00e9\u00e9";
  EXPECT_EQ(in_quotes(text), "'" + std::string(119, 'a') + "...'");
  EXPECT_EQ(in_quotes("a\nb"), "'a?b'");
}

TEST(YamlCheck, NumbersAreStrict) {
  EXPECT_EQ(parse_integer("-5"), -5);
  EXPECT_EQ(parse_integer("+5"), 5);
  for (const auto* text : {"", "1 ", "0x10", "1_000", "1.0", "+-1", "9223372036854775808"})
    EXPECT_FALSE(parse_integer(text)) << text;
  for (const auto* text : {"yes", "True", "on", ""}) EXPECT_FALSE(parse_boolean(text)) << text;
  EXPECT_FALSE(parse_milliseconds("100us"));
}

TEST(YamlCheck, WrittenUnitsReadBack) {
  EXPECT_EQ(write_duration(std::chrono::milliseconds(0)), "0ms");
  EXPECT_EQ(write_duration(std::chrono::milliseconds(90'000)), "90s");
  EXPECT_EQ(write_duration(std::chrono::hours(48)), "2d");
  EXPECT_EQ(write_size(1536), "1536B");
  EXPECT_EQ(write_size(2048), "2KiB");
}

// Whatever the bytes are, the answer is a tree or problems.
TEST(YamlCheck, RandomTextNeverCrashes) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string alphabet = "ab:- \n{}[],\"'&*!|>%#?~\\0\t";
  for (int round = 0; round < 3000; ++round) {
    std::string text(random() % 60, ' ');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    Checker check("f");
    const YamlNode root = check.parse(text);
    EXPECT_TRUE(!root.bad || !check.ok()) << text;
  }
}

}  // namespace
}  // namespace domed
