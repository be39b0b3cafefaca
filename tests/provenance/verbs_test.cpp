#include <sys/stat.h>

#include <fstream>

#include "domectl/diff_runs.h"
#include "domectl/dsse.h"
#include "domectl/reproduce.h"
#include "domectl/slsa.h"
#include "domed/error.h"
#include "domed/support/hash.h"
#include "scratch.h"

// What domectl makes of a record: signatures, scripts, differences.
namespace domed::ctl {
namespace {

TEST(Dsse, EncodesAsItsSpecificationSays) {
  EXPECT_EQ("DSSEv1 29 http://example.com/HelloWorld 11 hello world",
            pre_authentication("http://example.com/HelloWorld", "hello world"));
}

TEST(Dsse, HoldsPayloadAndSignature) {
  const OrderedJson envelope = sign("{}", "cat", "key-1");
  EXPECT_EQ(kStatementType, envelope["payloadType"]);
  EXPECT_EQ(to_base64("{}"), envelope["payload"].get<std::string>());
  EXPECT_EQ(to_base64(pre_authentication(kStatementType, "{}")),
            envelope["signatures"][0]["sig"].get<std::string>());
  EXPECT_EQ("key-1", envelope["signatures"][0]["keyid"]);
}

TEST(Dsse, IsNothingWhereTheSignerFails) {
  for (const char* signer : {"false", "true", "echo x; exit 3", "/no/such/signer", "kill $$"})
    EXPECT_THROW(sign("{}", signer, ""), Error) << signer;
}

TEST(Dsse, TakesLargePayloads) {
  const OrderedJson envelope = sign(std::string(1 << 20, 'x'), "echo first; cat >/dev/null", "");
  EXPECT_EQ(to_base64("first\n"), envelope["signatures"][0]["sig"].get<std::string>());
}

std::string refusal(const std::string& signer, const SignerLimits& limits = {}) {
  try {
    sign("{}", signer, "", limits);
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(Dsse, EndsASignerThatPassesItsLimits) {
  EXPECT_NE(std::string::npos, refusal("yes").find("more than 65536 bytes"));
  for (const char* hangs : {"exec sleep 1000", "exec sleep 1000 >&-"})
    EXPECT_NE(std::string::npos,
              refusal(hangs, {.time = std::chrono::milliseconds(20)}).find("in time"))
        << hangs;
}

TEST(Dsse, WaitsForNobodyWhoOutlivesTheSigner) {
  std::string dir = (std::filesystem::temp_directory_path() / "domed-signer-XXXXXX").string();
  ASSERT_TRUE(::mkdtemp(dir.data()));
  const std::string fifo = dir + "/fifo";
  ASSERT_EQ(0, ::mkfifo(fifo.c_str(), 0600));
  EXPECT_EQ("", refusal("cat " + fifo + " & echo x"));
  std::ofstream{fifo};  // now cat ends too
  std::filesystem::remove_all(dir);
}

TEST(Dsse, TakesASignatureThatWasWrittenByName) {
  EXPECT_EQ("", refusal("echo x >/dev/stdout"));
}

OrderedJson status() {
  return OrderedJson::parse(
      R"({"job_id":"j","command":["sh","-c","echo it's"],"env":["KEY"],"provenance":{
    "repo":{"name":"n","remote":"/there","subdirectory":"d"},"commit_sha":"abc1","tree_sha":"def2",
    "submodules":[{"path":"s","commit":"0a","dirty":"true"}],"dirty_flag":"true","changed_files":2,
    "untracked_files":1,"diff_sha256":"dd","env_fingerprint":{"os":"Debian","kernel":"Linux 6"}}})");
}

TEST(Statement, NamesProgramInputsAndSubmodules) {
  OrderedJson record = status();
  record["provenance"]["tool_versions"] = {{"executable", {{"path", "/bin/x"}, {"sha256", "e1"}}}};
  record["provenance"]["input_files"] = {{"files", {{{"path", "a.c"}, {"sha256", "f1"}}}}};
  const OrderedJson statement = slsa_statement(record);
  const std::string found =
      statement["predicate"]["buildDefinition"]["resolvedDependencies"].dump();
  for (const char* part :
       {R"("gitCommit":"abc1")", R"({"name":"/bin/x","digest":{"sha256":"e1"}})",
        R"({"name":"a.c","digest":{"sha256":"f1"}})", R"("name":"s","digest":{"gitCommit":"0a"})"})
    EXPECT_NE(std::string::npos, found.find(part)) << part << " in " << found;
}

TEST(Reproduce, RebuildsSourcesAndCommand) {
  const std::string script = reproduction(status(), nullptr);
  for (const char* line :
       {"git clone -- '/there' sources\n", "git checkout --detach abc1\n",
        "git -C 's' checkout --detach 0a\n", "cd -- 'd'\n", "\nenv -- 'sh' '-c' 'echo it'\\''s'\n",
        "# - uncommitted changes: 2 changed and 1 untracked files, diff_sha256 dd\n",
        "# - changes in the submodule s\n", "# - the values of [\"KEY\"]"})
    EXPECT_NE(std::string::npos, script.find(line)) << line << "in\n" << script;
}

TEST(Reproduce, SaysWhatIsNotKnown) {
  OrderedJson bare = status();
  bare["provenance"] =
      OrderedJson::parse(R"({"commit_sha":"unknown","commit_sha_reason":"not a repository"})");
  bare.erase("command");
  const std::string script = reproduction(bare, nullptr);
  EXPECT_EQ(std::string::npos, script.find("git clone"));
  EXPECT_NE(std::string::npos, script.find("# - the sources: not a repository"));
  EXPECT_NE(std::string::npos, script.find("# - the command"));
}

TEST(Reproduce, SaysWhyAJobThatHasNotStartedCannotBeRebuilt) {
  const OrderedJson waits{
      {"provenance", "unknown"}, {"provenance_reason", "it waits"}, {"command", {"x"}}};
  const std::string script = reproduction(waits, nullptr);
  EXPECT_NE(std::string::npos, script.find("# - the sources: it waits\n")) << script;
  EXPECT_EQ(std::string::npos, script.find("not recorded")) << script;
}

TEST(Reproduce, MakesADirectoryThatNoCommitHas) {
  OrderedJson record = status();
  record["provenance"]["flags"] = {"nested", "sparse"};
  const std::string script = reproduction(record, nullptr);
  for (const char* part : {"mkdir -p -- 'd'\ncd -- 'd'\n", "# - what d held: ", "it was sparse"})
    EXPECT_NE(std::string::npos, script.find(part)) << part << " in\n" << script;
}

TEST(Reproduce, SaysWhatABareRepositoryLacked) {
  OrderedJson record = status();
  record["provenance"]["flags"] = {"bare"};
  EXPECT_NE(std::string::npos, reproduction(record, nullptr).find("it was a bare repository"));
}

TEST(Reproduce, AsksForARepositoryWhosePlaceIsRelative) {
  for (const char* remote : {"../clean", "clean"}) {
    OrderedJson record = status();
    record["provenance"]["repo"]["remote"] = remote;
    const std::string script = reproduction(record, nullptr);
    EXPECT_NE(std::string::npos, script.find("git clone -- \"${REMOTE:?")) << script;
    EXPECT_NE(std::string::npos, script.find("came from: " + std::string(remote))) << script;
  }
}

// What a shell makes of the script's command, a job's argv.
TEST(Reproduce, RunsProgramsAndNotTheShellsOwnCommands) {
  OrderedJson record{{"command", {"echo", "-e", "a\\tb"}}};
  const program::Outcome outcome =
      program::run({.program = "/bin/sh",
                    .arguments = {"-c", reproduction(record, nullptr)},
                    .directory = "/",
                    .environment = {"PATH=/usr/bin:/bin"},
                    .deadline = program::Clock::now() + std::chrono::seconds(60)});
  EXPECT_EQ("a\tb\n", outcome.out) << outcome.err;
}

TEST(Reproduce, SaysWhenTheToolIsAnotherNow) {
  OrderedJson of_tool = status();
  of_tool["tool_id"] = "t";
  of_tool["provenance"]["contract_hashes"] = {{"tool", "old"}};
  const auto with = [&](const OrderedJson& tool) { return reproduction(of_tool, tool); };
  EXPECT_EQ(std::string::npos,
            with({{"contract_sha256", "old"}, {"command", {"x"}}}).find("another now"));
  EXPECT_NE(std::string::npos,
            with({{"contract_sha256", "new"}, {"command", {"x"}}}).find("another now"));
  EXPECT_NE(std::string::npos, with(nullptr).find("another now"));
}

TEST(Reproduce, TellsInputLimitsAndTask) {
  OrderedJson record = status();
  record.update({{"task", {{"q", 1}}}, {"limits", {{"cpu", 10}}}, {"timeout_s", 20}});
  record["stdin"] = {{"path", "/in'put"}};
  EXPECT_NE(std::string::npos, reproduction(record, nullptr).find(" <'/in'\\''put'\n"));
  record["stdin"] = {{"sha256", "77"}, {"bytes", 6}};
  const std::string script = reproduction(record, nullptr);
  for (const char* part : {"echo \"77  ${INPUT:?", " <\"$INPUT\"\n", "# - the 6 bytes of its input",
                           R"(DOMED_TASK_FILE: {"q":1})", R"(# - the limits: {"cpu":10})",
                           "# - the seconds that it had: 20"})
    EXPECT_NE(std::string::npos, script.find(part)) << part << " in\n" << script;
}

// The script is run, with every value of the record hostile and git a dummy.
TEST(Reproduce, RunsNothingThatARecordNames) {
  std::string dir = (std::filesystem::temp_directory_path() / "domed-reproduce-XXXXXX").string();
  ASSERT_TRUE(::mkdtemp(dir.data()));
  const std::string evil = "'; touch " + dir + "/pwned; $(touch " + dir + "/pwned) `touch " + dir +
                           "/pwned`\n touch " + dir + "/pwned #";
  OrderedJson record = status();
  record["command"] = {"true", evil};
  for (const char* key : {"job_id", "cwd", "tool_id"}) record[key] = evil;
  record["env"] = {evil};
  record.update({{"task", {{evil, evil}}}, {"stdin", {{"sha256", evil}}}});
  auto& provenance = record["provenance"];
  provenance["repo"] = {{"name", evil}, {"remote", "/" + evil}, {"subdirectory", "."}};
  provenance["submodules"] = {{{"path", evil}, {"commit", "0a"}, {"dirty", evil}}};
  for (const char* key : {"tree_sha", "dirty_flag", "diff_sha256", "changed_files"})
    provenance[key] = evil;
  provenance["env_fingerprint"] = {{"os", evil}};
  provenance["input_files"] = {{"files", {{{"path", evil}, {"sha256", evil}}}}};
  provenance["tool_versions"] = {{"executable", {{"path", evil}, {"sha256", "0a"}}}};
  const std::string script = "git() { mkdir -p sources; }; sha256sum() { cat >/dev/null; }\n" +
                             reproduction(record, nullptr);
  const program::Outcome outcome =
      program::run({.program = "/bin/sh",
                    .arguments = {"-c", script},
                    .directory = dir,
                    .environment = {"PATH=/usr/bin:/bin"},
                    .deadline = program::Clock::now() + std::chrono::seconds(60)});
  EXPECT_TRUE(outcome.ok()) << outcome.err << script;
  EXPECT_FALSE(std::filesystem::exists(dir + "/pwned")) << script;
  std::filesystem::remove_all(dir);
}

TEST(DiffRuns, SaysWhyOneHasNoProvenance) {
  OrderedJson waits = status();
  waits["provenance"] = "unknown", waits["provenance_reason"] = "it waits";
  const OrderedJson found = run_differences(status(), waits);
  EXPECT_EQ((OrderedJson{{"a", nullptr}, {"b", "it waits"}}), found["provenance_reason"]);
  EXPECT_EQ((OrderedJson{{"a", "abc1"}, {"b", nullptr}}), found["provenance.commit_sha"]);
  EXPECT_FALSE(found.contains("provenance"));
}

TEST(DiffRuns, NamesEachFieldThatDiffers) {
  OrderedJson a = status(), b = status();
  EXPECT_TRUE(run_differences(a, b).empty());
  b["job_id"] = "k";
  EXPECT_TRUE(run_differences(a, b).empty()) << "ids always differ";
  b["provenance"]["repo"]["remote"] = "/elsewhere";
  b["provenance"].erase("diff_sha256");
  b["exit_code"] = 3;
  b["limits"] = {{"cpu", 10}};
  const OrderedJson found = run_differences(a, b);
  EXPECT_EQ((OrderedJson{{"a", "/there"}, {"b", "/elsewhere"}}), found["provenance.repo.remote"]);
  EXPECT_EQ((OrderedJson{{"a", nullptr}, {"b", 3}}), found["exit_code"]);
  EXPECT_EQ((OrderedJson{{"a", nullptr}, {"b", 10}}), found["limits.cpu"]);
  EXPECT_EQ(4u, found.size());
  EXPECT_NE(std::string::npos,
            difference_text(found).find("provenance.diff_sha256\n  - dd\n  + (none)\n"));
}

}  // namespace
}  // namespace domed::ctl
