#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/units.h"
#include "client/fake_daemon.h"
#include "domectl/append_state.h"
#include "domectl/event_times.h"
#include "domectl/keyboard.h"
#include "domectl/outcome.h"
#include "domectl/printer.h"
#include "domectl/sieve.h"
#include "domectl/sink.h"
#include "domectl/slsa.h"
#include "domectl/table.h"
#include "domectl/terminal.h"

namespace domed::ctl {
namespace {

TEST(ExitCode, IsTheJobsOwn) {
  EXPECT_EQ(0, exit_code_of(R"({"to":"succeeded","reason":"exit","exit_code":0})"));
  EXPECT_EQ(7, exit_code_of(R"({"to":"failed","reason":"exit","exit_code":7})"));
  EXPECT_EQ(139, exit_code_of(R"({"to":"failed","reason":"signal","signal":11})"));
}

TEST(ExitCode, IsAReservedOneWhereTheJobHasNone) {
  EXPECT_EQ(124, exit_code_of(R"({"to":"failed","reason":"timeout","signal":15})"));
  EXPECT_EQ(130, exit_code_of(R"({"to":"canceled","reason":"cancel","signal":15})"));
  EXPECT_EQ(127, exit_code_of(R"({"to":"failed","reason":"spawn_error"})"));
  EXPECT_EQ(125, exit_code_of(R"({"to":"failed","reason":"lost"})"));
  EXPECT_EQ(1, exit_code_of(R"({"to":"failed","reason":"reported"})"));
  EXPECT_EQ(0, exit_code_of(R"({"to":"succeeded","reason":"reported"})"));
  EXPECT_EQ(125, exit_code_of("nonsense"));
}

TEST(Visible, ShowsWhatWouldSteerATerminal) {
  EXPECT_EQ("a\\x1b[2Jb", visible("a\x1b[2Jb"));
  EXPECT_EQ("\\xc2\\x9b31m", visible("\xc2\x9b"
                                     "31m"));
  EXPECT_EQ(
      "\\xe2\\x80\\xae"
      "txt",
      visible("\u202etxt"));
  EXPECT_EQ("\\x9b", visible("\x9b")) << "a control character that is no UTF-8";
  EXPECT_EQ("tab\t, gr\u00fc\u00dfe \u4e16", visible("tab\t, gr\u00fc\u00dfe \u4e16"));
}

TEST(Outcome, IsToldWhereTheExitCodeDoesNotSayIt) {
  EXPECT_EQ("", outcome_text(R"({"to":"failed","reason":"exit","exit_code":7})"));
  EXPECT_EQ("failed (signal) by signal 9",
            outcome_text(R"({"to":"failed","reason":"signal","signal":9})"));
  EXPECT_EQ("failed (spawn_error): cannot run x",
            outcome_text(R"({"to":"failed","reason":"spawn_error","message":"cannot run x"})"));
}

std::string line(const std::string& type, const std::string& payload) {
  return R"({"job_id":"j","seq":1,"ts":"2026-01-02T03:04:05.678901Z","type":")" + type +
         R"(","payload":)" + payload + "}";
}

// What a printer wrote to its two files.
struct Printed {
  Printed(Printer::Options options, const std::vector<std::string>& lines) {
    std::FILE *a = std::tmpfile(), *b = std::tmpfile();
    Sink to_out(fileno(a)), to_err(fileno(b));
    {
      Printer printer(to_out, to_err, options);
      for (const auto& each : lines) printer.event(each);
      printer.flush();
    }
    out = read(a);
    err = read(b);
  }
  static std::string read(std::FILE* file) {
    std::string text;
    std::rewind(file);
    for (int c; (c = std::fgetc(file)) != EOF;) text += static_cast<char>(c);
    std::fclose(file);
    return text;
  }
  std::string out, err;
};

const std::vector<std::string> kEvents{
    line("state_change", R"({"from":"queued","to":"running"})"),
    line("log", R"({"stream":"stdout","text":"a\u001b[2Jb\r"})"),
    line("log", R"({"stream":"stderr","text":"oops","eol":false})"),
    line("log", R"({"stream":"stdout","b64":"//4A"})"),
    line("progress", R"({"value":0.5,"message":"half"})"),
    line("state_change", R"({"from":"running","to":"failed","reason":"exit","exit_code":3})")};

TEST(Printer, GivesTheJobsOutputByteForByte) {
  const Printed printed({}, kEvents);
  EXPECT_EQ(std::string("a\x1b[2Jb\r\n\xff\xfe\0\n", 12), printed.out);
  EXPECT_EQ("oops", printed.err);
}

TEST(Printer, GivesEventLinesAsTheyCame) {
  Printer::Options options;
  options.form = Printer::Form::lines;
  const Printed printed(options, kEvents);
  std::string expected;
  for (const auto& each : kEvents) expected += each + "\n";
  EXPECT_EQ(expected, printed.out);
}

TEST(Highlighted, IsWhatMatches) {
  View view;
  view.grep = "a+";
  check_view(view);
  EXPECT_EQ("\033[1;31maa\033[0mb\033[1;31ma\033[0m\n", highlighted(view, "aaba\n", true));
  EXPECT_EQ("aaba\n", highlighted(view, "aaba\n", false));
  view.grep = "x*$";
  check_view(view);
  EXPECT_EQ("aaba\n", highlighted(view, "aaba\n", true)) << "of an empty match there is nothing";
}

TEST(Sieve, ShowsEachEventOnceAndSaysWhereSomeAreMissing) {
  View view;
  view.grep = "x", view.before = 1;
  check_view(view);
  std::string seen;
  Sieve sieve(
      view, [&](std::string_view, const EventLine& event) { seen += std::to_string(event.seq); },
      [&] { seen += "|"; });
  const auto take = [&](int seq, const std::string& text) {
    const std::string text_line = R"({"job_id":"j","seq":)" + std::to_string(seq) +
                                  R"(,"ts":"2026-01-02T03:04:05.678901Z","type":"log","payload":)" +
                                  R"({"stream":"stdout","text":")" + text + R"("}})";
    sieve.take(text_line, *read_event_line(text_line));
  };
  take(1, "x"), take(2, "a"), take(2, "a"), take(3, "x"), take(4, "b"), take(5, "c"), take(6, "x");
  EXPECT_EQ("123|56", seen);
}

TEST(EventTimes, SayWhenItHappenedAndMarkAClockThatIsWrong) {
  int asked = 0;
  EventTimes times([&] { return ++asked, "2026-01-02T03:04:00.000000Z"; });
  const auto shown = [&](std::optional<std::int64_t> t) {
    const std::string text = line("log", "{}");
    auto event = *read_event_line(text);
    event.t = t;
    return times.whole(event) + " " + times.of_day(event);
  };
  const std::int64_t ts = *parse_time("2026-01-02T03:04:05.678901Z");
  EXPECT_EQ("2026-01-02T03:04:05.678901Z 03:04:05.678", shown({}));
  EXPECT_EQ(0, asked) << "nothing depends on it";
  EXPECT_EQ("2026-01-02T03:04:01.678901Z 03:04:01.678", shown(ts - 4'000'000));
  EXPECT_EQ("2026-01-02T03:04:11.678901Z[clock] 03:04:11.678[clock]", shown(ts + 6'000'000));
  EXPECT_EQ("2026-01-02T03:03:59.678901Z[clock] 03:03:59.678[clock]", shown(ts - 6'000'000));
  EXPECT_EQ(1, asked);
}

TEST(Printer, ShowsPeopleTimeTypeAndText) {
  Printer::Options options;
  options.form = Printer::Form::people;
  EXPECT_EQ(
      "03:04:05.678 state_change running\n"
      "03:04:05.678 stdout       a\\x1b[2Jb\n"
      "03:04:05.678 stderr       oops\n"
      "03:04:05.678 stdout       \\xff\\xfe\\x00\n"
      "03:04:05.678 progress     [###############---------------]  50% half\n"
      "03:04:05.678 state_change failed (exit, exit code 3)\n",
      Printed(options, kEvents).out);
}

TEST(Printer, SaysWhoIsToRunAJob) {
  const auto said = [](const char* payload) {
    EventLine event;
    event.type = "assigned", event.payload = payload;
    return summary(event, Colours(false));
  };
  EXPECT_EQ("to be run by node n1", said(R"({"node":"n1"})"));
  EXPECT_EQ("back in the queue: the start came to nothing", said(R"({"node":null})"));
}

TEST(Printer, DrawsProgressOnlyBetweenWholeLines) {
  Printer::Options options;
  options.progress = true;
  const std::string bar = line("progress", R"({"value":1})");
  const std::string half = line("log", R"({"stream":"stdout","text":"? ","eol":false})");
  EXPECT_EQ("\r\033[J\033[?7l[##############################] 100%\r\033[?7h\r\033[J",
            Printed(options, {bar}).err);
  EXPECT_EQ("", Printed(options, {half, bar}).err);
}

TEST(ProgressBar, IsNothingWithoutAValue) {
  EXPECT_EQ("[------------------------------]   0%", progress_bar(R"({"value":-3})"));
  for (const char* bad : {"{}", R"({"value":"x"})", "nonsense"}) EXPECT_EQ("", progress_bar(bad));
}

TEST(AppendState, KeepsOneProducerOverManyCalls) {
  Scratch scratch;
  std::string id;
  for (std::uint64_t n = 1; n <= 12; ++n) {
    AppendState state(scratch.path(), "j", "t");
    if (n == 1) id = state.producer_id();
    EXPECT_EQ(id, state.producer_id());
    EXPECT_EQ(n, state.next_batch());
    state.acknowledged(n);
  }
  EXPECT_NE(id, AppendState(scratch.path(), "other", "t").producer_id());
}

TEST(AppendState, DoesNotFollowALinkThatSomeonePlanted) {
  Scratch scratch, probe;
  { AppendState state(probe.path(), "j", "t"); }
  std::string name;
  for (const auto& entry : std::filesystem::directory_iterator(probe.path()))
    name = entry.path().filename();
  std::ofstream(scratch.path() + "/victim") << "untouched";
  ASSERT_EQ(0, symlink("victim", (scratch.path() + "/" + name).c_str()));
  EXPECT_THROW(AppendState(scratch.path(), "j", "t"), Error);
}

OrderedJson status() {
  return OrderedJson::parse(R"({"job_id":"j","run_id":"r","log_id":"l","state":"succeeded",
    "executor":"local-process","command":["make"],"started_at":"2026-01-01T00:00:00.000000Z",
    "ended_at":"2026-01-01T00:00:01.000000Z","digest":"d","head_seq":9,"artifacts":[],
    "streams":{"stdout":{"bytes":1,"sha256":"5a"}},
    "provenance":{"repo":{"name":"n","remote":"https://h/n.git"},"commit_sha":"abc",
    "ref":"refs/heads/main","dirty_flag":"false","tool_versions":{"domed":"0.1.0"}}})");
}

TEST(Slsa, StatesSourceBuilderAndTimes) {
  const OrderedJson statement = slsa_statement(status());
  EXPECT_EQ("https://in-toto.io/Statement/v1", statement["_type"]);
  EXPECT_EQ("https://slsa.dev/provenance/v1", statement["predicateType"]);
  const OrderedJson& source = statement["predicate"]["buildDefinition"]["resolvedDependencies"][0];
  EXPECT_EQ("git+https://h/n.git@refs/heads/main", source["uri"]);
  EXPECT_EQ("abc", source["digest"]["gitCommit"]);
  const OrderedJson& run = statement["predicate"]["runDetails"];
  EXPECT_EQ("r", run["metadata"]["invocationId"]);
  EXPECT_EQ("0.1.0", run["builder"]["version"]["domed"]);
}

TEST(Slsa, HasTheWholeRequest) {
  OrderedJson record = status();
  const OrderedJson request{{"task", {{"q", 1}}},   {"constraints", {{"c", 1}}},
                            {"profile", "p"},       {"limits", {{"cpu", 10}}},
                            {"timeout_s", 20},      {"stdin", {{"sha256", "77"}, {"bytes", 6}}},
                            {"tty", {{"rows", 24}}}};
  record.update(request);
  const OrderedJson found =
      slsa_statement(record)["predicate"]["buildDefinition"]["externalParameters"];
  for (const auto& [key, value] : request.items())
    EXPECT_EQ(value, found.value(key, OrderedJson())) << key;
}

TEST(Slsa, HasASubjectEvenWithoutArtifacts) {
  OrderedJson record = status();
  EXPECT_EQ("job/j/stdout", slsa_statement(record)["subject"][0]["name"]);
  record["artifacts"].push_back({{"kind", "file"}, {"path", "a.out"}, {"sha256", "77"}});
  EXPECT_EQ("77", slsa_statement(record)["subject"][0]["digest"]["sha256"]);
  record["artifacts"].clear();
  record["streams"].clear();
  record["provenance"] = {{"schema", "domed.provenance/1"}};
  const OrderedJson bare = slsa_statement(record);
  EXPECT_EQ("job/j/log", bare["subject"][0]["name"]);
  EXPECT_TRUE(bare["predicate"]["buildDefinition"]["resolvedDependencies"].empty());
}

TEST(LeaveKeys, LeaveAtTheBeginningOfALineOnly) {
  const auto pass = [](const std::vector<std::string>& typed) {
    LeaveKeys keys;
    bool leaves = false;
    std::string out;
    for (const auto& part : typed) out += keys.pass(part, leaves);
    return out + (leaves ? "|" : "");
  };
  EXPECT_EQ("a\r|", pass({"a\r~.b"}));
  EXPECT_EQ("|", pass({"~", "."})) << "key by key";
  EXPECT_EQ("a~.", pass({"a~."}));
  EXPECT_EQ("\r~x", pass({"\r~", "x"}));
  EXPECT_EQ("\r~~x", pass({"\r~~x"}));
}

TEST(Slsa, IsNotMadeOfAJobThatHasNotStarted) {
  OrderedJson record = status();
  record["provenance"] = "unknown", record["provenance_reason"] = "it waits";
  try {
    slsa_statement(record);
    FAIL() << "a statement of nothing";
  } catch (const Error& e) {
    EXPECT_NE(std::string_view::npos, std::string_view(e.what()).find("job j, which has no"))
        << e.what();
    EXPECT_NE(std::string_view::npos, std::string_view(e.what()).find("it waits")) << e.what();
  }
}

TEST(Table, ShowsNestedFieldsAndEscapesControlBytes) {
  EXPECT_EQ("a    1\nb.c  x\\x0ay\n", listing(OrderedJson{{"a", 1}, {"b", {{"c", "x\ny"}}}}));
  EXPECT_EQ("labels.\\x1bc  v\n", listing(OrderedJson{{"labels",
                                                       {{"\x1b"
                                                         "c",
                                                         "v"}}}}));
  EXPECT_EQ("90s ago", age("1970-01-01T00:00:10Z", 100'000'000));
  EXPECT_EQ("-", age("", 0));
}

}  // namespace
}  // namespace domed::ctl
