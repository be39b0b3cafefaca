#include <sys/stat.h>

#include <fstream>

#include "domed/support/hash.h"
#include "fake_source.h"
#include "provenance/input_files.h"
#include "provenance/tool_facts.h"
#include "support/harness.h"

// What the kernel finds out of the programs and files of a run.
namespace domed::test {
namespace {

namespace fs = std::filesystem;

SteadyTime soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(60);
}

class ToolTest : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const fs::path path = scratch.path() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::string script(const std::string& name, const std::string& body) {
    const std::string path = write(name, "#!/bin/sh\n" + body + "\n");
    ::chmod(path.c_str(), 0755);
    return path;
  }
  JobFixed job(const Json& tool) {
    JobFixed out;
    out.request = {{"tool_id", "t"}};
    out.tool = {{"id", "t"}, {"version", "1"}, {"command", {"/bin/true"}}};
    out.tool.update(tool);
    return out;
  }
  Json facts(const JobFixed& of) {
    return tools.collect(of, {scratch.path(), {{"PATH", "/usr/bin:/bin"}}}, soon());
  }

  Scratch scratch;
  ToolFacts tools{"/bin/sh"};
};

TEST_F(ToolTest, HashesTheExecutableThatRuns) {
  const std::string program = script("p", "exit 0");
  for (const std::string& name : {program, std::string("./p")}) {
    const Json got = facts(job({{"command", {name, "x"}}}));
    std::ifstream file(program);
    EXPECT_EQ(Json(sha256_hex(std::string{std::istreambuf_iterator<char>(file), {}})),
              got["executable"]["sha256"])
        << got;
  }
  EXPECT_EQ("/usr/bin/env", facts(job({{"command", {"env"}}}))["executable"]["path"]);
}

TEST_F(ToolTest, SaysWhyAnExecutableCannotBeHashed) {
  expect_unknown(facts(job({{"command", {"no-such-program"}}})), "executable",
                 "not found in the job's PATH");
  expect_unknown(facts(job({{"command", {scratch.path().string()}}})), "executable",
                 "not a regular file");
}

TEST_F(ToolTest, HashesAnExecutableAgainWhenItChanges) {
  const JobFixed of = job({{"command", {script("p", "exit 0")}}});
  const Json first = facts(of);
  EXPECT_EQ(first, facts(of));
  script("p", "exit 11");
  EXPECT_NE(first["executable"]["sha256"], facts(of)["executable"]["sha256"]);
}

TEST_F(ToolTest, AsksTheToolForItsVersionOnce) {
  const std::string program = script(
      "v", "echo run >> " + scratch.path().string() + "/runs; echo; echo ' v 1.2 '; echo more");
  const JobFixed of = job({{"version_command", {program, "--version"}}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ("v 1.2 ", facts(of)["tool"]["reported_version"]);
  EXPECT_EQ(4u, fs::file_size(scratch.path() / "runs"));
  script("v", "echo 1.3");
  EXPECT_EQ("1.3", facts(of)["tool"]["reported_version"]);
}

TEST_F(ToolTest, TakesAVersionFromTheErrorOutputToo) {
  EXPECT_EQ(
      "17",
      facts(job({{"version_command", {script("v", "echo 17 >&2")}}}))["tool"]["reported_version"]);
}

TEST_F(ToolTest, AVersionCommandRunsOutsideOfTheWorkingDirectory) {
  EXPECT_EQ("/",
            facts(job({{"version_command", {script("v", "pwd")}}}))["tool"]["reported_version"]);
}

TEST_F(ToolTest, AVersionCommandIsNeverTakenFromTheWorkingDirectory) {
  script("v", "echo pwned");
  expect_unknown(facts(job({{"version_command", {"./v"}}}))["tool"], "reported_version",
                 "absolute path");
}

TEST_F(ToolTest, AVersionCommandThatFailsOrHangsIsUnknown) {
  expect_unknown(facts(job({{"version_command", {script("a", "exit 3")}}}))["tool"],
                 "reported_version", "exit status 3");
  expect_unknown(facts(job({{"version_command", {script("b", ":")}}}))["tool"], "reported_version",
                 "no version");
  const Launch launch{scratch.path(), {{"PATH", "/bin"}}};
  const auto now = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  const Json got =
      tools.collect(job({{"version_command", {script("c", "exec sleep 1000")}}}), launch, now);
  expect_unknown(got["tool"], "reported_version", "in time");
}

TEST_F(ToolTest, SaysWhatElseAVersionCommandDid) {
  const auto reason = [&](const std::string& body) {
    return facts(job({{"version_command", {script("v", body)}}}))["tool"].value(
        "reported_version_reason", "");
  };
  EXPECT_NE(std::string::npos, reason("exec yes").find("printed more than 64 KiB"));
  EXPECT_NE(std::string::npos, reason("kill -9 $$").find("signal 9"));
}

TEST_F(ToolTest, ARuntimeThatHangsDoesNotDiscreditTheNext) {
  const Json of{
      {"runtimes", {{"a", {script("a", "exec sleep 1000")}}, {"b", {script("b", "echo")}}}}};
  const auto now = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  const Json got = tools.collect(job(of), {scratch.path(), {{"PATH", "/bin"}}}, now);
  expect_unknown(got["runtimes"], "a", "in time");
  expect_unknown(got["runtimes"], "b", "could not be asked in time: what came before");
}

TEST_F(ToolTest, NamesTheRuntimesThatTheToolDeclares) {
  const Json got = facts(
      job({{"runtimes", {{"python", {script("py", "echo Python 3.11")}}, {"x", {"/no/x"}}}}}));
  EXPECT_EQ("Python 3.11", got["runtimes"]["python"]);
  expect_unknown(got["runtimes"], "x", "/no/x");
  expect_unknown(facts(job(Json::object())), "runtimes", "names none");
}

TEST_F(ToolTest, NamesTheProgramThatSupervises) {
  EXPECT_EQ(64u, facts(local_job())["executor"]["sha256"].get<std::string>().size());
}

// Input files.

class InputTest : public ToolTest {
 protected:
  InputTest() {
    write("a.c", "A");
    write("src/b.c", "B");
    write("src/deep/er/c.c", "C");
    write("src/.hidden/d.c", "D");
    write("src/x.h", "H");
  }
  Json hashed(const std::vector<std::string>& patterns, const InputLimits& limits = {}) {
    return hash_inputs(scratch.path(), patterns, limits, soon());
  }
  std::string paths(const std::vector<std::string>& patterns) {
    std::string out;
    const Json files = hashed(patterns)["files"];
    for (const auto& file : files) out += file["path"].get<std::string>() + " ";
    return out;
  }
  std::string refusal(const InputLimits& limits, const std::string& pattern = "**") {
    try {
      hashed({pattern}, limits);
      return "";
    } catch (const Error& e) {
      return e.what();
    }
  }
};

TEST_F(InputTest, GlobsNameFiles) {
  EXPECT_EQ("a.c ", paths({"*.c"}));
  EXPECT_EQ("src/b.c ", paths({"src/*.c"}));
  EXPECT_EQ("a.c src/b.c src/deep/er/c.c ", paths({"**/*.c"}));
  EXPECT_EQ("a.c src/b.c src/deep/er/c.c src/x.h ", paths({"**", "**/**/*.c", "a.c"}));
  EXPECT_EQ("src/.hidden/d.c ", paths({"src/.*/*.c"}));
  EXPECT_EQ("", paths({"none", "src"}));
}

TEST_F(InputTest, HashIsThatOfSha256sum) {
  const std::string lines = sha256_hex("A") + "  a.c\n" + sha256_hex("B") + "  src/b.c\n";
  const Json got = hashed({"src/*.c", "*.c"});
  EXPECT_EQ(Json(sha256_hex(lines)), got["sha256"]);
  EXPECT_EQ(2, got["count"]);
  EXPECT_EQ(2, got["bytes"]);
}

TEST_F(InputTest, LinksLeadNowhere) {
  const Scratch other;
  std::ofstream(other.path() / "secret.c") << "S";
  fs::create_symlink(other.path() / "secret.c", scratch.path() / "link.c");
  fs::create_directory_symlink(other.path(), scratch.path() / "src/linked");
  EXPECT_NE(std::string::npos, refusal({}, "*.c").find("link.c is a link that leads out"));
  for (const char* pattern : {"src/linked/*.c", "src/*/*.c", "src/**/*.c", "src/**"})
    EXPECT_NE(std::string::npos, refusal({}, pattern).find("src/linked is a link to a directory"))
        << pattern << ": " << refusal({}, pattern);
  EXPECT_EQ("", paths({"../*/*.c"}));
  EXPECT_EQ("src/b.c src/x.h ", paths({"src/*"}));
}

TEST_F(InputTest, ALinkToAFileOfTheDirectoryIsThatFile) {
  fs::create_symlink("src/b.c", scratch.path() / "conf.yml");
  fs::create_symlink("../a.c", scratch.path() / "src/up.y");
  const Json got = hashed({"conf.yml", "src/*.y"});
  EXPECT_EQ(2, got["count"]);
  EXPECT_EQ((Json{{"path", "conf.yml"}, {"sha256", sha256_hex("B")}}), got["files"][0]);
  EXPECT_EQ((Json{{"path", "src/up.y"}, {"sha256", sha256_hex("A")}}), got["files"][1]);
  fs::create_symlink("nowhere", scratch.path() / "dangling.c");
  EXPECT_NE(std::string::npos, refusal({}, "*.c").find("dangling.c: No such file"));
}

TEST_F(InputTest, LimitsAreReasonsAndNotPartialHashes) {
  EXPECT_NE(std::string::npos, refusal({.files = 2}).find("more than 2 files"));
  EXPECT_NE(std::string::npos, refusal({.entries = 3}).find("more than 3 files"));
  EXPECT_NE(std::string::npos, refusal({.bytes = 3}).find("more than 3 bytes"));
}

TEST_F(InputTest, SpecialFilesAreNeitherReadNorPassedOver) {
  ASSERT_EQ(0, ::mkfifo((scratch.path() / "fifo.c").c_str(), 0600));
  EXPECT_EQ("fifo.c is not a regular file", refusal({}, "*.c"));
}

TEST_F(InputTest, ManyFilesAreOneHash) {
  for (int i = 0; i < 70; ++i) write("many/" + std::to_string(i), "x");
  const Json got = hashed({"many/*"});
  EXPECT_EQ(70, got["count"]);
  expect_unknown(got, "files", "more than 64");
}

TEST_F(InputTest, AreInTheRecordOfATool) {
  JobFixed of = job({{"inputs", {"*.c"}}});
  EXPECT_EQ(Json(sha256_hex("A")),
            record_of({}, of, scratch.path())["input_files"]["files"][0]["sha256"]);
  of.tool["inputs"] = Json::array();
  expect_unknown(record_of({}, of, scratch.path()), "input_files", "declares no inputs");
  expect_unknown(record_of({}, job({{"inputs", {"*"}}}), "/no/such"), "input_files",
                 "No such file");
}

}  // namespace
}  // namespace domed::test
