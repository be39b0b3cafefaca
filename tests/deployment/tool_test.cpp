#include "deployment/tool.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace domed {
namespace {

struct Read {
  std::vector<ToolSpec> tools;
  std::string problems;
};

Read read(const std::string& yaml) {
  Checker check("f");
  const YamlNode root = check.parse(yaml);
  Read out{read_tools(root, check), ""};
  out.problems = check.text();
  return out;
}

TEST(Tool, WholeEntryIsRead) {
  const Read got = read(R"(- id: unit-tests
  version: "2"
  title: Tests
  description: All of them.
  command: [make, check]
  cwd: /src
  env: {CI: "1"}
  timeout: 90s
  retry: {max_attempts: 3, backoff: 2s}
  permissions: [read]
  side_effects: [build]
  input_schema: {type: object, maximum: 1.5, minItems: 3, deprecated: true, const: null, title: "3"}
  version_command: [make, --version]
  runtimes: {python: [python3, --version]}
  inputs: [Makefile, "src/**/*.c"]
)");
  EXPECT_EQ(got.problems, "");
  const ToolSpec& tool = got.tools.at(0);
  EXPECT_EQ(tool.command, (std::vector<std::string>{"make", "check"}));
  EXPECT_EQ(tool.runtimes.at("python"), (std::vector<std::string>{"python3", "--version"}));
  EXPECT_EQ(tool.inputs, (std::vector<std::string>{"Makefile", "src/**/*.c"}));
  EXPECT_EQ(tool.env.at("CI"), "1");
  EXPECT_EQ(tool.timeout, std::chrono::seconds(90));
  EXPECT_EQ(tool.max_attempts, 3);
  EXPECT_EQ(tool.backoff, std::chrono::seconds(2));
  EXPECT_EQ(
      tool.input_schema,
      R"({"type":"object","maximum":1.5,"minItems":3,"deprecated":true,"const":null,"title":"3"})");
  EXPECT_EQ(tool.version_command[1], "--version");
}

TEST(Tool, DefaultsAreFilledIn) {
  const ToolSpec tool = read("- {id: t, command: [\"true\"]}").tools.at(0);
  EXPECT_EQ(tool.title, "t");
  EXPECT_EQ(tool.input_schema, "{}");
  EXPECT_EQ(tool.timeout.count(), 0);
  EXPECT_EQ(tool.max_attempts, 1);
}

TEST(Tool, MistakesHavePlaces) {
  EXPECT_EQ(read("- {command: []}\n- {id: a/b, command: make}\n- {id: c, command: [x], cwd: rel}\n"
                 "- {id: c, command: [x], env: {1A: x}, input_schema: []}\n- 3\n")
                .problems,
            "f:1:3: tools[0]: missing key 'id'\n"
            "f:1:13: tools[0].command must name a program: [PROGRAM, ARGUMENT, ...]\n"
            "f:2:8: tools[1].id must be letters, digits and . _ - (at most 128), is 'a/b'\n"
            "f:2:22: tools[1].command must be a list of texts, as in [a, b], is 'make'\n"
            "f:3:30: tools[2].cwd must be an absolute path, is 'rel'\n"
            "f:4:8: duplicate tool id 'c', first given in line 3\n"
            "f:4:31: tools[3].env.1A: a variable's name is letters, digits and _\n"
            "f:4:53: tools[3].input_schema must be a map (key: value)\n"
            "f:5:3: tools[4] must be a map (key: value)");
}

TEST(Tool, ContractIsCanonicalAndFollowsEveryField) {
  const std::string base = read("- {id: t, command: [x]}").tools.at(0).contract;
  EXPECT_EQ(base, read("- {command: [x], id: t}").tools.at(0).contract);
  EXPECT_EQ(base, canonical_json(Json::parse(base)));
  for (const auto* more :
       {"version: \"1\"", "cwd: /x", "env: {A: b}", "timeout: 1s", "permissions: [p]",
        "side_effects: [s]", "input_schema: {title: x}", "version_command: [v]",
        "limits: {cpu: 90s}", "accepts: {env: [A]}", "accepts: {cwd: [/x]}",
        "accepts: {stdin: [bytes]}", "accepts: {tty: true}", "title: T", "description: D",
        "short_description: s", "kind: k", "output_schema: {title: x}", "progress_lines: true"})
    EXPECT_NE(base,
              read("- {id: t, command: [x], " + std::string(more) + "}").tools.at(0).contract);
}

// Whoever may read a job's provenance sees its hash, and could try values until it fits.
TEST(Tool, ContractTellsNoValueOfAVariable) {
  const auto contract = [](const std::string& more) {
    return read("- {id: t, command: [x], " + more + "}").tools.at(0).contract;
  };
  for (const std::string key : {"env", "secret_env"}) {
    EXPECT_EQ(contract(key + ": {A: hunter22}"), contract(key + ": {A: sesame77}"));
    EXPECT_NE(contract(key + ": {A: hunter22}"), contract(key + ": {B: hunter22}"));
    EXPECT_EQ(contract(key + ": {A: hunter22}").find("hunter22"), std::string::npos);
  }
}

TEST(Tool, WhatATaskMayBeIsChecked) {
  EXPECT_EQ(read("- {id: t, command: [x, '{{task.a', '{{task.b}}'],\n"
                 "   input_schema: {properties: {b: {minimum: low}}}}\n")
                .problems,
            "f:1:24: tools[0].command: '{{task.a': a placeholder is written {{task}}, "
            "{{task.NAME}} or {{task.NAME:-DEFAULT}}\n"
            "f:2:18: tools[0].input_schema.properties.b.minimum must be a number");
}

TEST(Tool, WhatItAcceptsIsNamedItemByItem) {
  const Read got =
      read("- {id: t, command: [x], accepts: {env: [CI], cwd: [/a, /b], stdin: [bytes, /c]}}");
  EXPECT_EQ(got.problems, "");
  EXPECT_EQ(descriptor_of(got.tools.at(0)).at("accepts").dump(),
            R"({"cwd":["/a","/b"],"env":["CI"],"stdin":["bytes","/c"]})");
  EXPECT_EQ(descriptor_of(read("- {id: t, command: [x]}").tools.at(0)).at("accepts").dump(),
            R"({"cwd":[],"env":[],"stdin":[]})");
  EXPECT_EQ(descriptor_of(read("- {id: t, command: [x], accepts: {tty: true}}").tools.at(0))
                .at("accepts"),
            Json::parse(R"({"cwd":[],"env":[],"stdin":[],"tty":true})"));
  for (const char* bad : {"env: ['A=B']", "env: ['*']", "env: [DOMED_X]", "cwd: [rel]",
                          "cwd: [/a/../b]", "cwd: [bytes]", "stdin: [file]", "tty: [x]", "env: A"})
    EXPECT_NE(read(std::string("- {id: t, command: [x], accepts: {") + bad + "}}").problems, "")
        << bad;
}

TEST(Tool, LimitsAreInBytesSecondsAndNumbers) {
  const auto tool = read(
                        "- {id: t, command: [x], limits: {memory: 1GiB, cpu: 1500ms, open_files: "
                        "64, processes: 9}}")
                        .tools.at(0);
  const std::map<std::string, std::uint64_t> expected{
      {"memory", 1u << 30}, {"cpu", 2}, {"open_files", 64}, {"processes", 9}};
  EXPECT_EQ(expected, tool.limits);
  EXPECT_TRUE(read("- {id: t, command: [x]}").tools.at(0).limits.empty());
}

TEST(Tool, NumbersThatJsonCannotHoldStayText) {
  Checker check("f");
  EXPECT_EQ(to_json(check.parse("[.inf, 1e999, 0x10, 1.5e3, -7, 12345678901234567890]")),
            R"([".inf","1e999","0x10",1500.0,-7,1.2345678901234567e+19])");
}

TEST(Tool, RuntimesAndInputsAreChecked) {
  const std::string start = "- id: t\n  command: [c]\n";
  EXPECT_NE(read(start + "  runtimes: {x_reason: [a]}\n").problems.find("_reason"),
            std::string::npos);
  EXPECT_NE(read(start + "  runtimes: {x: []}\n").problems.find("name a program"),
            std::string::npos);
  for (const char* bad : {"/etc/passwd", "../x", "a//b", "a/./b", "a**", "''"})
    EXPECT_NE(read(start + "  inputs: [" + bad + "]\n").problems.find("tools[0].inputs"),
              std::string::npos)
        << bad;
}

}  // namespace
}  // namespace domed
