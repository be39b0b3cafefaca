#include "api/tool_fence.h"

#include <fstream>

#include "support/harness.h"

namespace domed::test {
namespace {

namespace fs = std::filesystem;

class ToolFenceTest : public ::testing::Test {
 protected:
  ToolFenceTest() : root(fs::canonical(scratch.path())) {
    fs::create_directories(root / "in/deep");
    fs::create_directory(root / "out");
    fs::create_directory_symlink(root / "out", root / "in/link");
    std::ofstream(root / "in/file") << "x";
  }
  // The field that a request is denied for; "" where it is taken.
  std::string denied(const Json& request, const Json& accepts) const {
    JobFixed job;
    job.request = request;
    job.request["tool_id"] = "t";
    try {
      fence.check(job, {{"id", "t"}, {"accepts", accepts}});
      return "";
    } catch (const ApiError& e) {
      EXPECT_EQ("E_POLICY_DENIED", e.name());
      EXPECT_NE(std::string::npos, std::string(e.what()).find("'t' does not accept"));
      return e.fields().at("field");
    }
  }
  Json only(const std::string& key, const Json& what) const {
    Json out{{"env", Json::array()}, {"cwd", Json::array()}, {"stdin", Json::array()}};
    out[key] = what;
    return out;
  }

  Scratch scratch;
  fs::path root;
  ToolFence fence;
};

TEST_F(ToolFenceTest, AToolAcceptsNothingOfItself) {
  for (const Json& accepts : {Json::object(), only("env", Json::array())}) {
    EXPECT_EQ("env", denied({{"env", {{"LD_PRELOAD", "/x"}}}}, accepts));
    EXPECT_EQ("cwd", denied({{"cwd", "/"}}, accepts));
    EXPECT_EQ("stdin.path", denied({{"stdin", {{"path", "/etc/passwd"}}}}, accepts));
    EXPECT_EQ("stdin.b64", denied({{"stdin", {{"b64", ""}}}}, accepts));
    EXPECT_EQ("", denied({{"task", {{"a", 1}}}, {"env", Json::object()}, {"cwd", ""}}, accepts));
  }
}

TEST_F(ToolFenceTest, ATermOfAcceptsAllowsItselfAlone) {
  const Json names = only("env", {"CI", "LANG"});
  EXPECT_EQ("", denied({{"env", {{"CI", "1"}, {"LANG", "C"}}}}, names));
  EXPECT_EQ("env", denied({{"env", {{"CI", "1"}, {"PATH", "/x"}}}}, names));
  EXPECT_EQ("", denied({{"stdin", {{"b64", "YQ=="}}}}, only("stdin", {"bytes"})));
  EXPECT_EQ("stdin.path", denied({{"stdin", {{"path", "/bytes"}}}}, only("stdin", {"bytes"})));
  EXPECT_EQ("stdin.b64", denied({{"stdin", {{"b64", ""}}}}, only("stdin", {root})));
}

// A command that reads its input would never end, where it else reads /dev/null.
TEST_F(ToolFenceTest, ATerminalIsToBeAccepted) {
  const Json terminal{{"tty", {{"rows", 24}, {"columns", 80}}}};
  for (const Json& accepts : {Json::object(), only("stdin", {"bytes"}), only("tty", false)})
    EXPECT_EQ("tty", denied(terminal, accepts));
  EXPECT_EQ("", denied(terminal, only("tty", true)));
}

TEST_F(ToolFenceTest, ADirectoryIsItselfAndWhatLiesBelow) {
  const Json in = only("cwd", {root / "in"});
  for (const char* good : {"in", "in/", "in/deep", "in//deep/.", "in/not-yet"})
    EXPECT_EQ("", denied({{"cwd", root / good}}, in)) << good;
  for (const char* bad : {"", "out", "in2", "in/../out", "in/deep/..", "in/link", "in/link/x"})
    EXPECT_EQ("cwd", denied({{"cwd", root / bad}}, in)) << bad;
  EXPECT_EQ("", denied({{"cwd", root / "out"}}, only("cwd", {"/"})));
}

TEST_F(ToolFenceTest, ADirectoryMayBeAskedForByEitherOfItsNames) {
  fs::create_directory_symlink(root / "in", root / "alias");
  EXPECT_EQ("", denied({{"cwd", root / "alias/deep"}}, only("cwd", {root / "alias"})));
  EXPECT_EQ("", denied({{"cwd", root / "in/deep"}}, only("cwd", {root / "alias"})));
}

TEST_F(ToolFenceTest, AFileToReadLiesWhereItIsAccepted) {
  const Json in = only("stdin", {"bytes", root / "in"});
  fs::create_symlink("/proc/self/environ", root / "in/environ");
  EXPECT_EQ("", denied({{"stdin", {{"path", root / "in/file"}}}}, in));
  for (const char* bad : {"out", "in/../out", "in/environ"})
    EXPECT_EQ("stdin.path", denied({{"stdin", {{"path", root / bad}}}}, in)) << bad;
  EXPECT_EQ("stdin.path", denied({{"stdin", {{"path", "/proc/self/environ"}}}}, in));
}

TEST_F(ToolFenceTest, HoldsForAToolThatIsReportedFromElsewhere) {
  EXPECT_EQ("cwd", denied({{"executor", "external"}, {"cwd", "/there"}}, Json::object()));
  EXPECT_EQ("", denied({{"executor", "external"}, {"cwd", "/there/x"}}, only("cwd", {"/there"})));
}

}  // namespace
}  // namespace domed::test
