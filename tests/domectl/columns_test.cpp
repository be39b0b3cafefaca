#include "domectl/columns.h"

#include <gtest/gtest.h>

#include <clocale>

#include "domectl/context.h"
#include "domectl/screen_line.h"

namespace domed::ctl {
namespace {

class JobList : public ::testing::Test {
 protected:
  void SetUp() override { std::setlocale(LC_CTYPE, "C.UTF-8"); }
  void TearDown() override { std::setlocale(LC_CTYPE, "C"); }

  static OrderedJson job(const std::string& id, const std::string& more) {
    OrderedJson out = OrderedJson::parse(more);
    out["job_id"] = id;
    return out;
  }
  std::vector<std::string> lines(std::size_t width, const std::string& columns = "") const {
    std::vector<std::string> out;
    const std::string text = JobTable(columns).text(jobs, now, width, Colours(false));
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
      out.push_back(text.substr(at, end - at));
    return out;
  }

  const std::int64_t now = 1'000'000'000;
  const std::vector<OrderedJson> jobs{
      job("0123456789abcdef0123456789abcdef",
          R"({"state":"running","name":"夜間のとても長い名前のビルド","command":["make","-j8","everything","and","more","of","it"],
              "created_at":"1970-01-01T00:15:00Z","started_at":"1970-01-01T00:15:10Z"})"),
      job("0123456780abcdef0123456789abcdef",
          R"({"state":"failed","reason":"signal","signal":9,"tool_id":"unit-tests","labels":{"k":"v"},
              "created_at":"1970-01-01T00:00:00Z","started_at":"1970-01-01T00:00:10Z",
              "ended_at":"1970-01-01T00:00:12Z"})"),
      job("mine", R"({"state":"queued","held":true,"executor":"external",
              "created_at":"1970-01-01T00:00:00Z"})")};
};

TEST_F(JobList, FitsEveryWindow) {
  for (std::size_t width = 20; width <= 240; ++width)
    for (const auto& line : lines(width)) EXPECT_GE(width, columns_of_text(line)) << line;
}

TEST_F(JobList, UsesTheRoomThereIs) {
  const auto wide = lines(120);
  EXPECT_EQ("JOB         NAME                          STATE    CODE     CREATED   TOOK    WHAT",
            wide[0]);
  EXPECT_EQ(
      "0123456789  夜間のとても長い名前のビルド  running  -        100s ago  1m 30s  make -j8 "
      "everything and more of it",
      wide[1]);
}

TEST_F(JobList, CutsIdsToWhatTellsThemApart) {
  const auto narrow = lines(80, "id,state");
  EXPECT_EQ("0123456789  running", narrow[1]);
  EXPECT_EQ("0123456780  failed", narrow[2]);
  EXPECT_EQ("mine        held", narrow[3]);
}

TEST_F(JobList, IsWholeWhereNoWindowIs) {
  const auto piped = lines(0);
  EXPECT_EQ(
      0u, piped[1].find("0123456789abcdef0123456789abcdef  夜間のとても長い名前のビルド  running"));
  EXPECT_TRUE(piped[1].ends_with("make -j8 everything and more of it"));
}

TEST_F(JobList, TellsHowAndHowLong) {
  const auto text = lines(0, "code,took,labels,what");
  EXPECT_EQ("-        1m 30s  -       make -j8 everything and more of it", text[1]);
  EXPECT_EQ("SIGKILL  2.0s    k=v     tool unit-tests", text[2]);
  EXPECT_EQ("-        -       -       external", text[3]);
}

TEST_F(JobList, KnowsItsColumns) {
  EXPECT_THROW(JobTable("id,colour"), UsageError);
  EXPECT_THROW(JobTable("id,,state"), UsageError);
}

TEST_F(JobList, FormsOfOnesOwn) {
  EXPECT_EQ("0123456780abcdef0123456789abcdef failed\tSIGKILL {9}",
            formatted("{id} {state}\\t{code} {{{signal}}}", jobs[1], now));
  EXPECT_EQ("[]", formatted("[{exit_code}]", jobs[0], now)) << "it has none";
  for (const char* form : {"{colour}", "{id", "{}"})
    EXPECT_THROW(formatted(form, jobs[0], now), UsageError) << form;
}

}  // namespace
}  // namespace domed::ctl
