#include "runner/spec.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "domed/error.h"
#include "runner/result.h"
#include "scratch.h"

namespace domed {
namespace {

Json sample() {
  return {{"job_id", "j"},           {"run_id", "r"},          {"log_id", "l"},
          {"producer_id", "p"},      {"producer_token", "pt"}, {"job_token", "jt"},
          {"control", {"ipc:///x"}}, {"command", {"true"}},    {"cwd", "/"}};
}

std::string refusal(const Json& json) {
  try {
    parse_spec(json.dump(), "spec.json");
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(Spec, TakesWhatTheDaemonWrites) {
  Json json = sample();
  json["timeout_ms"] = 1500;
  json["max_output"] = 7;
  json["durable"] = false;
  const Spec spec = parse_spec(json.dump(), "spec.json");
  EXPECT_EQ(1500, spec.timeout.count());
  EXPECT_EQ(5000, spec.cancel_grace.count());
  EXPECT_EQ(7u, spec.max_output);
  EXPECT_FALSE(spec.durable);
}

TEST(Spec, NamesFileAndKeyOfAMistake) {
  Json json = sample();
  json.erase("command");
  EXPECT_EQ(0u, refusal(json).find("spec.json: 'command' is missing")) << refusal(json);
  json["command"] = "ls";
  EXPECT_EQ(0u, refusal(json).find("spec.json: 'command' has the wrong type")) << refusal(json);
  json["command"] = {std::string("a\0b", 3)};
  EXPECT_EQ(0u, refusal(json).find("spec.json: 'command' contains a NUL")) << refusal(json);
}

TEST(Spec, GivesTheJobItsOwnVariables) {
  Json json = sample();
  json["env"] = {{"A", "b"}, {"DOMED_RUN_ID", "somebody else's"}};
  const std::vector<std::string> expected = {"A=b", "DOMED_ENDPOINT=ipc:///x", "DOMED_JOB_ID=j",
                                             "DOMED_PRODUCER_TOKEN=jt", "DOMED_RUN_ID=r"};
  EXPECT_EQ(expected, job_environment(parse_spec(json.dump(), "")));
}

std::string endpoint_beside(const std::vector<std::string>& others) {
  Json json = sample();
  json["others"] = others;
  for (const auto& variable : job_environment(parse_spec(json.dump(), "")))
    if (variable.starts_with("DOMED_ENDPOINT=")) return variable.substr(variable.find('=') + 1);
  return "";
}

TEST(Spec, TellsTheJobOfNodesThatKnowItToo) {
  const Scratch here;
  const std::string second = "ipc://" + (here / "b.ipc"), third = "ipc://" + (here / "c.ipc");
  EXPECT_EQ("ipc:///x," + second + "," + third, endpoint_beside({second, "tcp://h:1", third}));
}

TEST(Spec, TellsTheJobOfNobodyWhoWouldNotKnowIt) {
  const Scratch here;
  const std::string foreign = here / "foreign";
  ASSERT_EQ(0, mkdir(foreign.c_str(), 0755));
  const bool is_root = geteuid() == 0;  // who alone can make a directory of another user
  if (is_root) {
    ASSERT_EQ(0, chown(foreign.c_str(), 65534, 65534));
  }
  EXPECT_EQ("ipc:///x",
            endpoint_beside({"tcp://h:1", "tls+tcp://h:2", "ipc://" + (here / "no/c.ipc"),
                             is_root ? "ipc://" + foreign + "/c.ipc" : "ipc:///c.ipc"}));
}

std::string payload(Stop stop, std::optional<int> status, const std::string& error = "") {
  Spec spec;
  spec.timeout = std::chrono::milliseconds(1500);
  return terminal_payload(spec, {stop, status, error, ""});
}

constexpr int exited(int code) {
  return code << 8;
}

TEST(TerminalPayload, SaysHowTheCommandEnded) {
  EXPECT_EQ(R"({"to":"succeeded","reason":"exit","exit_code":0})", payload(Stop::none, exited(0)));
  EXPECT_EQ(R"({"to":"failed","reason":"exit","exit_code":3})", payload(Stop::none, exited(3)));
  EXPECT_EQ(9, Json::parse(payload(Stop::none, SIGKILL))["signal"]);
  EXPECT_EQ("signal", Json::parse(payload(Stop::none, SIGKILL))["reason"]);
}

TEST(TerminalPayload, SaysWhyItWasStopped) {
  EXPECT_EQ(R"({"to":"canceled","reason":"cancel","signal":15})", payload(Stop::cancel, SIGTERM));
  EXPECT_EQ(R"({"to":"failed","reason":"timeout","message":"the command ran longer than its )"
            R"(timeout of 1.5s","signal":9})",
            payload(Stop::timeout, SIGKILL));
  EXPECT_EQ(R"({"to":"failed","reason":"signal","message":"runner was told to stop","signal":15})",
            payload(Stop::told, std::nullopt));
}

TEST(TerminalPayload, TellsACoreDumpAndALimit) {
  constexpr int kCore = 0x80;
  const auto message = [](const std::string& json) {
    return Json::parse(json)["message"].get<std::string>();
  };
  EXPECT_NE(message(payload(Stop::none, SIGSEGV)), message(payload(Stop::none, SIGSEGV | kCore)));
  Spec spec;
  spec.limits.cpu = 3;
  EXPECT_EQ("limit", Json::parse(terminal_payload(spec, {Stop::none, SIGXCPU, "", ""}))["reason"]);
}

TEST(TerminalPayload, SaysWhatOutputWasDropped) {
  const Json got = Json::parse(terminal_payload(Spec(), {Stop::none, exited(0), "", "5 bytes"}));
  EXPECT_EQ("exit 5 bytes",
            got["reason"].get<std::string>() + " " + got["message"].get<std::string>());
}

TEST(TerminalPayload, SaysWhyItCouldNotStart) {
  EXPECT_EQ(R"({"to":"failed","reason":"spawn_error","message":"no \"x\""})",
            payload(Stop::none, std::nullopt, "no \"x\""));
}

}  // namespace
}  // namespace domed
