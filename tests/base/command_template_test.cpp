#include "base/command_template.h"

#include <gtest/gtest.h>

#include "domed/error.h"

namespace domed {
namespace {

std::string filled(const std::string& argument, const char* task) {
  EXPECT_EQ("", template_problem(argument));
  return fill_command(Json::array({argument}), Json::parse(task)).at(0).get<std::string>();
}

std::string refusal(const std::string& argument, const char* task) try {
  fill_command(Json::array({argument}), Json::parse(task));
  return "";
} catch (const Error& error) {
  return error.code() == Code::invalid_argument ? error.what() : "another error";
}

TEST(CommandTemplate, ValuesStandWhereTheyAreNamed) {
  EXPECT_EQ("--lr=0.5,x",
            filled("--lr={{task.lr}},{{task.m.name}}", R"({"lr":0.5,"m":{"name":"x"}})"));
  EXPECT_EQ("true", filled("{{task.on}}", R"({"on":true})"));
  EXPECT_EQ(R"({"a":[1]})", filled("{{task}}", R"({"a":[1]})"));
  EXPECT_EQ("{}", filled("{{task}}", "null"));
}

TEST(CommandTemplate, AnArgumentStaysOneArgument) {
  EXPECT_EQ("a b; rm $X {{task.y}}", filled("{{task.x}}", R"({"x":"a b; rm $X {{task.y}}"})"));
}

TEST(CommandTemplate, AbsentValuesHaveDefaults) {
  EXPECT_EQ("7", filled("{{task.n:-7}}", "{}"));
  EXPECT_EQ("", filled("{{task.n:-}}", "null"));
  EXPECT_EQ("1", filled("{{task.n:-7}}", R"({"n":1})"));
  EXPECT_EQ("'task.m.n' is missing: the tool's command needs it",
            refusal("{{task.m.n}}", R"({"m":3})"));
}

TEST(CommandTemplate, OnlyPlainValuesBecomeArguments) {
  EXPECT_EQ("'task.n' must be a text, a number or a boolean: it becomes an argument",
            refusal("{{task.n}}", R"({"n":[1]})"));
  EXPECT_EQ("'task.n' must have no NUL", refusal("{{task.n}}", R"({"n":"a\u0000b"})"));
}

TEST(CommandTemplate, OtherBracesStay) {
  EXPECT_EQ("{{.Name}} {x} }}", filled("{{.Name}} {x} }}", "{}"));
}

TEST(CommandTemplate, HalfPlaceholdersAreFound) {
  for (const char* bad : {"{{task.x", "{{task.}}", "{{task.a..b}}", "{{taskx}}", "{{task.a.}}"})
    EXPECT_NE("", template_problem(bad)) << bad;
}

}  // namespace
}  // namespace domed
