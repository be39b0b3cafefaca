#include "base/json_schema.h"

#include <gtest/gtest.h>

namespace domed {
namespace {

std::string fit(const char* schema, const char* value) {
  const Json parsed = Json::parse(schema);
  EXPECT_EQ("", schema_problem(parsed, "s"));
  return misfit(parsed, Json::parse(value), "task");
}

std::string problem(const char* schema) {
  return schema_problem(Json::parse(schema), "s");
}

TEST(JsonSchema, AnEmptyOneTakesAnything) {
  EXPECT_EQ("", fit("{}", "[1, null, \"x\"]"));
  EXPECT_EQ("", fit("true", "1"));
  EXPECT_EQ("task is not allowed", fit("false", "1"));
}

TEST(JsonSchema, TypesAreTold) {
  EXPECT_EQ("task must be of type string, is 3", fit(R"({"type":"string"})", "3"));
  EXPECT_EQ("task must be of type integer, null, is 1.5",
            fit(R"({"type":["integer","null"]})", "1.5"));
  EXPECT_EQ("", fit(R"({"type":"integer"})", "2.0"));
  EXPECT_EQ("", fit(R"({"type":"number"})", "2"));
}

TEST(JsonSchema, BoundsOfNumbersAreTold) {
  EXPECT_EQ("task must be at least 1, is 0", fit(R"({"minimum":1})", "0"));
  EXPECT_EQ("", fit(R"({"minimum":1})", "1"));
  EXPECT_EQ("task must be above 1, is 1", fit(R"({"exclusiveMinimum":1})", "1"));
  EXPECT_EQ("task must be at most 2.5, is 3", fit(R"({"maximum":2.5})", "3"));
  EXPECT_EQ("task must be below 3, is 3", fit(R"({"exclusiveMaximum":3})", "3"));
  EXPECT_EQ("", fit(R"({"minimum":1})", "\"no number\""));
}

TEST(JsonSchema, TextsAreCountedInCharacters) {
  EXPECT_EQ("", fit(R"({"maxLength":2})", "\"äö\""));
  EXPECT_EQ("task must have at least 3 characters, is \"\\u00e4\\u00f6\"",
            fit(R"({"minLength":3})", "\"äö\""));
  EXPECT_EQ("", fit(R"({"pattern":"b+"})", "\"abbc\""));
  EXPECT_EQ("task must match ^b+$, is \"abbc\"", fit(R"({"pattern":"^b+$"})", "\"abbc\""));
}

TEST(JsonSchema, PropertiesAreNamed) {
  const char* schema = R"({"type":"object","required":["lr"],"additionalProperties":false,
      "properties":{"lr":{"type":"number"},"tags":{"items":{"type":"string"},"maxItems":2}}})";
  EXPECT_EQ("", fit(schema, R"({"lr":1,"tags":["a"]})"));
  EXPECT_EQ("task.lr is required", fit(schema, "{}"));
  EXPECT_EQ("task.more is not allowed", fit(schema, R"({"lr":1,"more":2})"));
  EXPECT_EQ("task.tags[1] must be of type string, is an object",
            fit(schema, R"({"lr":1,"tags":["a",{}]})"));
  EXPECT_EQ("task.tags must have at most 2 items, is a list",
            fit(schema, R"({"lr":1,"tags":["a","b","c"]})"));
}

TEST(JsonSchema, ValuesMayBeListed) {
  EXPECT_EQ("task must be one of fast, 2, is \"slow\"", fit(R"({"enum":["fast",2]})", "\"slow\""));
  EXPECT_EQ("task must be 7, is 8", fit(R"({"const":7})", "8"));
}

TEST(JsonSchema, AlternativesAreTried) {
  const char* any = R"({"anyOf":[{"type":"string"},{"minimum":5}]})";
  EXPECT_EQ("", fit(any, "\"x\""));
  EXPECT_EQ("task must fit one of its alternatives, is 1", fit(any, "1"));
  EXPECT_EQ("task must fit exactly one of its alternatives, is 6",
            fit(R"({"oneOf":[{"minimum":5},{"maximum":9}]})", "6"));
  EXPECT_EQ("task must be at most 9, is 10",
            fit(R"({"allOf":[{"minimum":5},{"maximum":9}]})", "10"));
  EXPECT_EQ("task must be something else, is 6", fit(R"({"not":{"minimum":5}})", "6"));
}

TEST(JsonSchema, WhatIsNotUnderstoodIsRefused) {
  EXPECT_EQ(
      "s.properties.a.$ref is a keyword of JSON Schema that is not checked here: leave it out",
      problem(R"({"properties":{"a":{"$ref":"#"}}})"));
  EXPECT_EQ("s.minimum must be a number", problem(R"({"minimum":"1"})"));
  EXPECT_EQ("s.maxItems must be a count from 0 on", problem(R"({"maxItems":-1})"));
  EXPECT_EQ("s.required must be a list of names", problem(R"({"required":"a"})"));
  EXPECT_EQ("s.anyOf.1 must be a schema: a map, true or false", problem(R"({"anyOf":[{},3]})"));
  EXPECT_EQ("s.pattern must be a regular expression of at most 256 bytes without back-references",
            problem(R"({"pattern":"("})"));
  EXPECT_EQ(
      "s.type must be null, boolean, object, array, number, integer or string, or a list of them",
      problem(R"({"type":"text"})"));
}

}  // namespace
}  // namespace domed
