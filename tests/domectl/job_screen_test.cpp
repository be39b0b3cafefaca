#include "domectl/job_screen.h"

#include <gtest/gtest.h>

#include <clocale>

#include "domectl/screen_line.h"

namespace domed::ctl {
namespace {

using Wish = JobScreen::Wish;

class JobScreenTest : public ::testing::Test {
 protected:
  JobScreenTest() {
    std::setlocale(LC_CTYPE, "C.UTF-8");
    screen.take({job("cccc", "running", "編集", "2026-01-03T00:00:00Z"),
                 job("bbbb", "queued", "build", "2026-01-02T00:00:00Z"),
                 job("aaaa", "failed", "Archive", "2026-01-01T00:00:00Z")});
  }
  ~JobScreenTest() override { std::setlocale(LC_CTYPE, "C"); }

  static OrderedJson job(const std::string& id, const std::string& state, const std::string& name,
                         const std::string& created) {
    OrderedJson out{{"job_id", id}, {"name", name}, {"state", state}, {"created_at", created}};
    if (state == "queued") out["waiting"] = "it is held";
    if (state != "queued") out["started_at"] = created;
    out["command"] = {"make", name};
    return out;
  }
  Wish press(const std::string& bytes) {
    Wish last = Wish::none;
    for (const Key& key : keys_of(bytes)) last = screen.press(key);
    return last;
  }
  std::string chosen() const {
    return screen.chosen() ? screen.chosen()->at("job_id").get<std::string>() : "";
  }
  std::vector<std::string> lines(std::size_t rows = 12, std::size_t columns = 80) {
    return screen.lines(rows, columns, 1'767'500'000'000'000, Colours(false));
  }
  // The ids that are shown, from the top.
  std::string order() {
    std::string out;
    for (const auto& line : lines())
      for (const char* id : {"aaaa", "bbbb", "cccc"})
        if (line.find(std::string(id) + "  ") != std::string::npos) out += id[0];
    return out;
  }

  JobScreen screen{""};
};

TEST_F(JobScreenTest, FitsEveryWindow) {
  for (const char* keys : {"", "h", "x/a very long text that is looked for and is not there\r"}) {
    press(keys);
    for (std::size_t rows = 1; rows < 30; ++rows)
      for (std::size_t columns = 10; columns < 200; columns += 7) {
        const auto shown = lines(rows, columns);
        EXPECT_GE(rows, shown.size());
        for (std::string line : shown) {
          for (const char* code : {"\033[7m", "\033[0m"})
            if (const auto at = line.find(code); at != std::string::npos) line.erase(at, 4);
          EXPECT_GE(columns, columns_of_text(line)) << line;
        }
      }
  }
}

TEST_F(JobScreenTest, ArrowsChooseAndEnterFollows) {
  EXPECT_EQ("cccc", chosen());
  press("\033[B");
  EXPECT_EQ("bbbb", chosen());
  press("\033OB\033[B");
  EXPECT_EQ("aaaa", chosen()) << "and no further";
  press("k");
  EXPECT_EQ("bbbb", chosen());
  EXPECT_EQ(Wish::follow, press("\r"));
  press("g");
  EXPECT_EQ("cccc", chosen());
}

TEST_F(JobScreenTest, TheChosenOneStaysChosenWhereOthersCome) {
  press("j");
  screen.take({job("dddd", "queued", "new", "2026-01-04T00:00:00Z"),
               job("bbbb", "running", "build", "2026-01-02T00:00:00Z")});
  EXPECT_EQ("bbbb", chosen());
  screen.take({});
  EXPECT_EQ("", chosen());
  EXPECT_EQ(Wish::none, press("\r"));
  EXPECT_EQ(Wish::none, press("c"));
}

TEST_F(JobScreenTest, CancelsAfterAQuestion) {
  EXPECT_EQ(Wish::none, press("c"));
  EXPECT_EQ("cancel cccc (編集)? [y/N]", lines().back());
  EXPECT_EQ(Wish::none, press("\r")) << "no";
  EXPECT_EQ(Wish::cancel, press("cy"));
  press("G");
  EXPECT_EQ(Wish::none, press("c"));
  EXPECT_EQ("it is over", lines().back());
}

TEST_F(JobScreenTest, WhoWasAskedAboutOneJobDoesNotAnswerForAnother) {
  press("c");
  screen.take({job("bbbb", "running", "build", "2026-01-02T00:00:00Z")});
  EXPECT_EQ(Wish::none, press("y"));
}

TEST_F(JobScreenTest, PausesAndResumes) {
  EXPECT_EQ(Wish::pause, press("p"));
  auto paused = job("cccc", "running", "x", "2026-01-03T00:00:00Z");
  paused["paused"] = true;
  screen.take({paused, job("bbbb", "queued", "y", "2026-01-02T00:00:00Z")});
  EXPECT_EQ(Wish::resume, press("p"));
  EXPECT_EQ(Wish::none, press("jp"));
}

TEST_F(JobScreenTest, Filters) {
  press("/ARCH");
  EXPECT_EQ("/ARCH_", lines().back());
  EXPECT_EQ("a", order());
  press("\x7f\x7f\x7f\x7f編");
  EXPECT_EQ("c", order());
  press("\x7f");
  EXPECT_EQ("cba", order()) << "of a character all bytes go";
  press("queued\r");
  EXPECT_EQ("b", order());
  EXPECT_EQ(Wish::leave, press("q")) << "a key again";
  press("\033");
  EXPECT_EQ("cba", order());
}

TEST_F(JobScreenTest, Sorts) {
  press("r");
  EXPECT_EQ("abc", order());
  press("s");
  EXPECT_EQ("cab", order()) << "by the start; what has none comes last";
  press("ssss");
  EXPECT_EQ("abc", order()) << "by name, whatever its case";
}

TEST_F(JobScreenTest, TellsWhyTheChosenOneWaits) {
  press("j");
  EXPECT_EQ("bbbb waits: it is held", lines()[10]);
}

TEST_F(JobScreenTest, ScrollsToWhatIsChosen) {
  std::vector<OrderedJson> many;
  for (int i = 10; i < 60; ++i)
    many.push_back(job("job" + std::to_string(i), "running", "n", "2026-01-03T00:00:00Z"));
  screen.take(many);
  press("G");
  const auto last = lines(10);
  EXPECT_NE(std::string::npos, last[7].find("job59")) << last[7];
  press("\033[5~");
  EXPECT_EQ("job54", chosen());
  press("g");
  EXPECT_NE(std::string::npos, lines(10)[2].find("job10"));
}

TEST_F(JobScreenTest, TellsThatItHasOnlyTheNewest) {
  EXPECT_EQ(0u, lines()[0].find("1 running"));
  screen.take({job("cccc", "running", "n", "2026-01-03T00:00:00Z")}, true);
  EXPECT_EQ(0u, lines()[0].find("the newest 1: 1 running")) << lines()[0];
}

TEST(Keys, OfATerminal) {
  EXPECT_EQ(1u, keys_of("\033[5~").size());
  EXPECT_EQ(Key::Kind::page_up, keys_of("\033[5~")[0].kind);
  EXPECT_EQ(0u, keys_of("\033[200~").size()) << "what is not known is left out";
  EXPECT_EQ(Key::Kind::escape, keys_of("\033")[0].kind);
  EXPECT_EQ(Key::Kind::leave, keys_of("\x03")[0].kind);
  EXPECT_EQ("é", keys_of("é")[0].text);
  EXPECT_EQ(0u, keys_of("\x01\x02").size());
}

}  // namespace
}  // namespace domed::ctl
