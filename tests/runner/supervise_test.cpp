// One runner, one job, a daemon that behaves.
#include "job.h"

#include <filesystem>

namespace domed {
namespace {

std::string types_of(const std::vector<Json>& events) {
  std::string out;
  for (const auto& event : events)
    out += (out.empty() ? "" : " ") + event["type"].get<std::string>();
  return out;
}

bool alive(const std::string& pid) {
  return kill(std::stoi(pid), 0) == 0;
}

TEST_F(JobTest, ReportsAJobFromRunningToItsEnd) {
  run("echo hello; echo oops >&2");
  finish();
  EXPECT_EQ("state_change state_change log log stream_end stream_end state_change",
            types_of(daemon_.events()));
  EXPECT_EQ("hello\n", daemon_.output("stdout"));
  EXPECT_EQ("oops\n", daemon_.output("stderr"));
  EXPECT_EQ(Json::parse(R"({"to":"succeeded","reason":"exit","exit_code":0})"), last());
  EXPECT_EQ(Json::parse(R"({"stream":"stdout","end":"eof","bytes":6,"dropped":0})"),
            daemon_.events_of("stream_end")[0]);
}

TEST_F(JobTest, ReportsExitCodes) {
  run("exit 7");
  finish();
  EXPECT_EQ(Json::parse(R"({"to":"failed","reason":"exit","exit_code":7})"), last());
}

TEST_F(JobTest, ReportsDeathBySignal) {
  run("kill -9 $$");
  finish();
  EXPECT_EQ("failed signal",
            last()["to"].get<std::string>() + " " + last()["reason"].get<std::string>());
  EXPECT_EQ(9, last()["signal"]);
}

TEST_F(JobTest, ReportsACommandThatCannotStart) {
  spec_["command"] = {"no-such-program"};
  start();
  finish();
  EXPECT_EQ("spawn_error", last()["reason"]);
  EXPECT_EQ("cannot run \"no-such-program\": not found in PATH", last()["message"]);
}

// It was refused as too long, and the job became lost.
TEST_F(JobTest, ShortensALongMessage) {
  spec_["command"] = {"/" + std::string(8000, 'x')};
  start();
  finish();
  EXPECT_EQ("spawn_error", last()["reason"]);
  EXPECT_LE(last()["message"].get<std::string>().size(), 4096u);
}

TEST_F(JobTest, GivesTheJobItsIdentityAndNothingElse) {
  spec_["env"]["A"] = "b";
  run("env | grep -E '^(DOMED_|A=)' | sort; umask; test -z \"$HOME\"");
  finish();
  EXPECT_EQ("A=b\nDOMED_ENDPOINT=" + url_ +
                "\nDOMED_JOB_ID=j\nDOMED_PRODUCER_TOKEN=jt\nDOMED_RUN_ID=" +
                spec_["run_id"].get<std::string>() + "\n0022\n",
            daemon_.output("stdout"));
  EXPECT_EQ("succeeded", last()["to"]);
}

TEST_F(JobTest, MasksSecretsItsTokenAndPatterns) {
  spec_["secrets"] = {"hunter22", "two\nlines"};
  spec_["mask"] = {"pin=([0-9]+)"};
  spec_["job_token"] = "token-of-the-job";
  spec_["env"]["P"] = "hunter22";
  run("echo \"a $P b\"; echo $DOMED_PRODUCER_TOKEN >&2; printf 'two\\nlines\\npin=4711 end'");
  finish();
  EXPECT_EQ("a *** b\n***\npin=*** end", daemon_.output("stdout").substr(0, 25));
  EXPECT_EQ("***\n", daemon_.output("stderr"));
  std::uint64_t masked = 0, bytes = 0;
  for (const Json& event : daemon_.events())
    if (event["type"] == "stream_end") {
      masked += event["payload"].value("masked", 0);
      bytes += event["payload"]["bytes"].get<std::uint64_t>();
    }
  EXPECT_EQ(4u, masked);
  EXPECT_EQ(daemon_.output("stdout").size() + 4, bytes) << "of what is kept";
}

// Each piece is shown while the job waits: what it wrote before is what tells that it is secret.
TEST_F(JobTest, MasksWhatAPatternFindsInALineThatComesSlowly) {
  spec_["mask"] = {"password=(\\S+)"};
  run("printf 'login password='; read x < fifo; printf hunt; read x < fifo; echo er2x");
  daemon_.wait_for("password=");
  tell_job("go\n");
  daemon_.wait_for("***");
  tell_job("go\n");
  finish();
  EXPECT_EQ("login password=***\n", daemon_.output("stdout"));
}

// What only looks like the beginning of a secret is not kept from who waits for it.
TEST_F(JobTest, LetsGoWhatGoesOnOtherwise) {
  spec_["secrets"] = {"hunter22"};
  run("printf hunt; read x < fifo; printf er; echo 22");
  daemon_.wait_for("hunt");
  tell_job("go\n");
  finish();
  EXPECT_EQ("hunt***\n", daemon_.output("stdout")) << "the rest of it is masked";
}

TEST_F(JobTest, GivesTheCommandTheUmaskThatItIsTold) {
  spec_["umask"] = 0017;
  run("umask; touch made");
  finish();
  EXPECT_EQ("0017\n", daemon_.output("stdout"));
  struct stat info;
  ASSERT_EQ(0, stat((dir_ + "/runner.json").c_str(), &info));
  EXPECT_EQ(0600u, info.st_mode & 0777u) << "its own files stay its own";
}

TEST_F(JobTest, KeepsItsTokenOutOfFilesAndOfWhatOthersSee) {
  spec_["producer_token"] = "token-of-the-runner";
  spec_["env"]["PASSWORD"] = "word-of-the-request";
  run("echo ready; read x < fifo");
  daemon_.wait_for("ready");
  const std::string process = "/proc/" + std::to_string(runner_) + "/";
  std::string seen = read_if_there(process + "environ") + read_if_there(process + "cmdline");
  for (const auto& file : std::filesystem::directory_iterator(dir_))
    seen += read_own(file.path(), 1 << 30);
  EXPECT_EQ(std::string::npos, seen.find("token-of-the-runner")) << seen;
  EXPECT_EQ(std::string::npos, seen.find("word-of-the-request")) << seen;
  tell_job("go\n");
  finish();
}

TEST_F(JobTest, LetsNobodyOfItsUserLookIntoItButIntoTheCommand) {
  if (geteuid() == 0) GTEST_SKIP() << "root may look into everything";
  run("echo $$; read x < fifo");
  daemon_.wait_for("\"log\"");
  EXPECT_EQ("", read_if_there("/proc/" + std::to_string(runner_) + "/environ"));
  const std::string command = daemon_.output("stdout");
  EXPECT_NE("", read_if_there("/proc/" + command.substr(0, command.size() - 1) + "/environ"));
  tell_job("go\n");
  finish();
}

TEST_F(JobTest, SaysWhoRuns) {
  run("echo $$; read x < fifo");
  daemon_.wait_for("\"log\"");
  const Json runner = Json::parse(read_own(dir_ + "/runner.json"));
  const Json child = Json::parse(read_own(dir_ + "/child.json"));
  EXPECT_EQ(runner_, runner["pid"]);
  EXPECT_EQ(daemon_.output("stdout"), std::to_string(child["pid"].get<int>()) + "\n");
  EXPECT_EQ(child["pid"], child["pgid"]);
  tell_job("go\n");
  finish();
}

TEST_F(JobTest, KeepsEveryByte) {
  run("i=0; while [ $i -lt 256 ]; do printf \"\\\\$(printf %03o $i)\"; i=$((i+1)); done; "
      "head -c 1000000 /dev/zero | tr '\\0' 'x'; printf '\\r\\n\\377\\n'");
  finish();
  std::string expected;
  for (int byte = 0; byte < 256; ++byte) expected += static_cast<char>(byte);
  expected += std::string(1'000'000, 'x') + "\r\n\xff\n";
  EXPECT_EQ(expected, daemon_.output("stdout"));
}

TEST_F(JobTest, ShowsAPromptWhileTheJobWaits) {
  run("printf 'name? '; read x < fifo; echo \"hi $x\"");
  daemon_.wait_for("name? ");
  tell_job("Ann\n");
  finish();
  EXPECT_EQ("name? hi Ann\n", daemon_.output("stdout"));
  EXPECT_EQ(false, daemon_.events_of("log")[0]["eol"]);
}

TEST_F(JobTest, MakesProgressEvents) {
  run("echo '::progress 0.5 half' >&2");
  finish();
  EXPECT_EQ(Json::parse(R"([{"value":0.5,"message":"half"}])"),
            Json(daemon_.events_of("progress")));
  EXPECT_EQ("::progress 0.5 half\n", daemon_.output("stderr"));
}

TEST_F(JobTest, BatchesMuchOutput) {
  run("seq 1 10000");
  finish();
  EXPECT_EQ(10'000u, daemon_.events_of("log").size());
  EXPECT_GT(daemon_.longest_batch(), 100u);
  EXPECT_LE(daemon_.longest_batch(), 1000u);
}

TEST_F(JobTest, CountsAndDropsOutputAboveTheLimit) {
  spec_["max_output"] = 10;
  run("echo 12345678; echo abcdef; echo never >&2");
  finish();
  EXPECT_EQ("succeeded", last()["to"]);
  ASSERT_EQ(2u, daemon_.events_of("error").size());
  EXPECT_EQ("output_limit", daemon_.events_of("error")[0]["error"]);
  EXPECT_EQ(12, daemon_.events_of("error")[1]["dropped"]);
  EXPECT_NE(std::string::npos, last()["message"].get<std::string>().find("12 bytes")) << last();
  std::uint64_t bytes = 0, dropped = 0;
  for (const auto& end : daemon_.events_of("stream_end")) {
    bytes += end["bytes"].get<std::uint64_t>();
    dropped += end["dropped"].get<std::uint64_t>();
  }
  EXPECT_EQ(10u, bytes);
  EXPECT_EQ(12u, dropped);
}

TEST_F(JobTest, ShowsABarThatEndsNoLine) {
  run("while :; do printf '\\r%d' $((i=i+1)); sleep 0.01; done");
  daemon_.wait_for("\"eol\":false");  // although it is never silent
  daemon_.cancel();
  finish();
  EXPECT_TRUE(daemon_.output("stdout").starts_with("\r1\r2\r3"));
}

TEST_F(JobTest, GivesTheCommandATerminal) {
  spec_["tty"] = {{"rows", 7}, {"columns", 77}};
  run("test -t 0 && test -t 1 && test -t 2 && stty size; tty; echo oops >&2; exit 3");
  finish();
  const std::string out = daemon_.output("stdout");
  EXPECT_TRUE(out.starts_with("7 77\r\n/dev/pts/")) << out;
  EXPECT_TRUE(out.ends_with("\r\noops\r\n")) << out;
  EXPECT_EQ(3, last()["exit_code"]);
  ASSERT_EQ(1u, daemon_.events_of("stream_end").size());
  EXPECT_EQ("eof", daemon_.events_of("stream_end")[0]["end"]);
}

TEST_F(JobTest, ReadsWhatItIsGiven) {
  write_own(path("input"), "from a file\n");
  spec_["stdin"] = {{"path", path("input")}};
  run("cat");
  finish();
  EXPECT_EQ("from a file\n", daemon_.output("stdout"));
}

TEST_F(JobTest, ReadsTheBytesItIsGiven) {
  spec_["stdin"] = {{"b64", "YnkAdGVzCg=="}};
  run("od -c | head -n 1");
  finish();
  EXPECT_EQ("0000000   b   y  \\0   t   e   s  \\n\n", daemon_.output("stdout"));
}

TEST_F(JobTest, NamesAnInputThatItCannotRead) {
  spec_["stdin"] = {{"path", path("nothing")}};
  run("cat");
  finish();
  EXPECT_EQ("spawn_error", last()["reason"]);
  EXPECT_NE(std::string::npos, last()["message"].get<std::string>().find("its input")) << last();
}

TEST_F(JobTest, LimitsWhatTheCommandMayUse) {
  spec_["limits"] = {{"memory", 1 << 30}, {"cpu", 7}, {"open_files", 33}, {"processes", 5000}};
  run("ulimit -v; ulimit -t; ulimit -n; ls /proc/self/fd | wc -l; echo $0");
  finish();
  EXPECT_EQ("1048576\n7\n33\n4\nsh\n", daemon_.output("stdout"));
}

TEST_F(JobTest, EndsAJobThatUsedUpItsProcessorTime) {
  spec_["limits"] = {{"cpu", 1}};
  run("while :; do :; done");
  finish();
  EXPECT_EQ("limit", last()["reason"]);
  EXPECT_EQ(SIGXCPU, last()["signal"]);
}

TEST_F(JobTest, ReportsALimitedCommandThatCannotStart) {
  spec_["limits"] = {{"open_files", 100}};
  write_own(path("tool"), "#!/no/such/interpreter\n");
  chmod(path("tool").c_str(), 0755);
  spec_["command"] = {"./tool"};
  start();
  finish();
  EXPECT_EQ("spawn_error", last()["reason"]);
}

TEST_F(JobTest, GivesTheJobTheDescriptorLimitThatTheDaemonStartedWith) {
  spec_["open_files"] = 321;
  run("ulimit -n");
  finish();
  EXPECT_EQ("321\n", daemon_.output("stdout"));
}

TEST_F(JobTest, DoesNotWaitForBackgroundChildrenThatHoldThePipes) {
  run("sleep 1000 & echo $!");
  finish();
  EXPECT_EQ("succeeded", last()["to"]);
  EXPECT_EQ("drain_limit", daemon_.events_of("stream_end")[0]["end"]);
  EXPECT_FALSE(alive(daemon_.output("stdout")));
}

TEST_F(JobTest, LeavesNothingOfTheTree) {
  run("setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1000; done' > pid & "
      "while [ ! -s pid ]; do :; done; cat pid");
  finish();
  EXPECT_EQ("succeeded", last()["to"]);
  EXPECT_FALSE(alive(daemon_.output("stdout")));
}

TEST_F(JobTest, EndsAJobAtItsTimeout) {
  spec_["timeout_ms"] = 200;
  run("trap '' TERM; while :; do sleep 1000; done");
  finish();
  EXPECT_EQ("failed", last()["to"]);
  EXPECT_EQ("timeout", last()["reason"]);
  EXPECT_EQ(9, last()["signal"]);
}

TEST_F(JobTest, LetsAJobEndItselfAfterTerm) {
  run("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done");
  daemon_.wait_for("ready");
  daemon_.cancel();
  finish();
  EXPECT_EQ("ready\nbye\n", daemon_.output("stdout"));
  EXPECT_EQ(Json::parse(R"({"to":"canceled","reason":"cancel","exit_code":3})"), last());
}

TEST_F(JobTest, LearnsOfACancellationWhileSilent) {
  run("echo ready; setsid sleep 1000 & exec sleep 1000");
  daemon_.wait_for("ready");
  daemon_.cancel(/*in_replies=*/false);
  finish();
  EXPECT_EQ("canceled", last()["to"]);
  EXPECT_EQ(15, last()["signal"]);
}

TEST_F(JobTest, StopsWhenToldTo) {
  run("echo ready; exec sleep 1000");
  daemon_.wait_for("ready");
  kill(runner_, SIGTERM);
  finish();
  EXPECT_EQ(Json::parse(R"({"to":"failed","reason":"signal","signal":15,)"
                        R"("message":"runner was told to stop"})"),
            last());
}

TEST_F(JobTest, EndsAStoppedJob) {
  run("echo ready; kill -STOP $$");
  daemon_.wait_for("ready");
  daemon_.cancel();
  finish();
  EXPECT_EQ("canceled", last()["to"]);
}

TEST_F(JobTest, TellsThatItsArgumentIsWrong) {
  dir_ = "relative";
  std::string program = DOMED_RUNNER;
  char* arguments[] = {program.data(), dir_.data(), nullptr};
  ASSERT_EQ(0, posix_spawn(&runner_, program.c_str(), nullptr, nullptr, arguments, environ));
  EXPECT_EQ(2, wait_for_exit());
}

}  // namespace
}  // namespace domed
