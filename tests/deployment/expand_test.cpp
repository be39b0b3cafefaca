#include "deployment/expand.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "support/scratch.h"

namespace domed {
namespace {

const Variables kVariables = [](std::string_view name) -> std::optional<std::string> {
  static const std::map<std::string, std::string, std::less<>> values{
      {"HOME", "/home/me"}, {"EMPTY", ""}, {"TRICKY", "${HOME} $$"}, {"LATIN", "\xe9"}};
  const auto found = values.find(name);
  if (found == values.end()) return std::nullopt;
  return found->second;
};

std::string expanded(const std::string& text) {
  return expand(text, kVariables);
}
std::string problem(const std::string& text) {
  return testing::error_of([&] { expanded(text); });
}

TEST(Expand, VariableIsReplaced) {
  EXPECT_EQ(expanded("a${HOME}/b"), "a/home/me/b");
}

TEST(Expand, DefaultStandsForUnsetAndEmpty) {
  EXPECT_EQ(expanded("${NONE:-x}${EMPTY:-y}${HOME:-z}"), "xy/home/me");
  EXPECT_EQ(expanded("[${EMPTY}]${NONE:-}"), "[]");
}

TEST(Expand, DefaultsNest) {
  EXPECT_EQ(expanded("${XDG_STATE_HOME:-${HOME}/.local/state}/domed"),
            "/home/me/.local/state/domed");
  EXPECT_EQ(expanded("${A:-${B:-${C:-c}}}"), "c");
}

TEST(Expand, UnusedDefaultIsNotLookedAt) {
  EXPECT_EQ(expanded("${HOME:-${NONE}}"), "/home/me");
}

TEST(Expand, DollarsStandForThemselves) {
  EXPECT_EQ(expanded("$${HOME} $HOME $ $$"), "${HOME} $HOME $ $");
}

TEST(Expand, ValuesAreNotExpandedAgain) {
  EXPECT_EQ(expanded("${TRICKY}"), "${HOME} $$");
}

TEST(Expand, UidIsAlwaysSet) {
  EXPECT_EQ(expanded("${UID}"), std::to_string(getuid()));
}

TEST(Expand, MistakesAreNamed) {
  EXPECT_EQ(problem("${NONE}"), "the variable NONE is not set; set it or write ${NONE:-default}");
  EXPECT_EQ(problem("x${HOME"), "'${' without its '}'; write $$ for a dollar");
  EXPECT_EQ(problem("${}"), "'${}' names no variable; write ${NAME} or ${NAME:-default}");
  EXPECT_EQ(problem("${A B}"), "'${A B}' names no variable; write ${NAME} or ${NAME:-default}");
  EXPECT_EQ(problem("${LATIN}"), "the value of the variable LATIN is not UTF-8");
}

TEST(Expand, DeepAndHugeValuesAreRefused) {
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "${A:-";
  EXPECT_EQ(problem(deep + std::string(1000, '}')), "variables nest too deep");
  const Variables big = [](std::string_view) { return std::string(100'000, 'x'); };
  EXPECT_EQ(testing::error_of([&] { expand("${A}", big); }),
            "the expanded value is larger than 64 KiB");
}

TEST(Expand, TreeKeepsKeysAndExceptions) {
  Checker check("f");
  YamlNode root =
      check.parse("${HOME}: \"${HOME}\"\nschema: {pattern: \"${NONE}\"}\nbad: \"${NONE}\"\n");
  expand_tree(root, kVariables, {"schema"}, check);
  EXPECT_EQ(root.find("${HOME}")->text, "/home/me");
  EXPECT_EQ(root.find("schema")->find("pattern")->text, "${NONE}");
  EXPECT_TRUE(root.find("bad")->bad);
  EXPECT_EQ(check.text(), "f:3:6: the variable NONE is not set; set it or write ${NONE:-default}");
}

}  // namespace
}  // namespace domed
