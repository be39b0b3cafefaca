// Reading histories, and the program that checks them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "story.h"

namespace domed::history {
namespace {

std::string error_of(const std::string& text) {
  try {
    History history;
    std::istringstream in(text);
    history.read(in, "file");
    return "";
  } catch (const std::exception& e) {
    return e.what();
  }
}

TEST(HistoryFile, NamesTheLineThatIsNoRecord) {
  EXPECT_EQ("file:2: not a JSON object", error_of("{\"what\":\"x\"}\nnonsense\n"));
}

TEST(HistoryFile, IsRefusedWhenEmpty) {
  EXPECT_NE("", error_of(""));
}

TEST(HistoryFile, MayBeCutOffInItsLastLine) {
  EXPECT_EQ("", error_of("{\"what\":\"x\"}\n{\"wha"));
}

TEST(HistoryFile, FilesArePutInOrderByTime) {
  History history;
  std::istringstream late(R"({"t":3,"what":"b"})"
                          "\n"),
      early(R"({"t":1,"what":"a"})"
            "\n");
  history.read(late, "late");
  history.read(early, "early");
  history.finish();
  EXPECT_EQ("a", history.records()[0]->what);
  EXPECT_EQ("b", history.records()[1]->what);
}

struct Outcome {
  int status;
  std::string output;
};

Outcome check(const Story& story) {
  const std::string file = ::testing::TempDir() + "domed-history-" + std::to_string(getpid());
  std::ofstream(file) << story.text();
  Outcome run;
  std::FILE* pipe = popen((std::string(CHECK_HISTORY) + " " + file).c_str(), "r");
  for (int c; (c = std::fgetc(pipe)) != EOF;) run.output += static_cast<char>(c);
  run.status = WEXITSTATUS(pclose(pipe));
  std::remove(file.c_str());
  return run;
}

TEST(CheckHistory, ExitsWithZeroWhereAllIsKept) {
  Story story;
  const Outcome run = check(story.submitted());
  EXPECT_EQ(0, run.status) << run.output;
  EXPECT_EQ("ok: 2 records, 1 logs, 0 follows, 17 clauses\n", run.output);
}

TEST(CheckHistory, NamesTheClauseAndShowsTheRecords) {
  Story story;
  story.submitted().follow("f").events("f", 1, 4).events("f", 4, 4).end("f", "stopped", 4);
  const Outcome run = check(story);
  EXPECT_EQ(1, run.status);
  EXPECT_EQ(0u, run.output.find("ExactlyOnce: seq 4 came again\n")) << run.output;
  EXPECT_EQ(3, std::count(run.output.begin(), run.output.end(), '\n')) << run.output;
}

}  // namespace
}  // namespace domed::history
