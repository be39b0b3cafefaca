#include "base/troubles.h"

#include <gtest/gtest.h>

namespace domed {
namespace {

using namespace std::chrono_literals;

class TroublesTest : public testing::Test {
 protected:
  std::string said;
  Troubles troubles{[this](Troubles::Word, const std::string& text) { said += text + "\n"; }};
  Troubles::Clock::time_point now{1h};
};

TEST_F(TroublesTest, AreToldAtOnceOnceAMinuteAndWhenTheyAreOver) {
  for (int second = 0; second < 130; ++second) troubles.met("store", "full", now + second * 1s);
  EXPECT_EQ("store: full\nstore: for 1m 00s: full\nstore: for 2m 00s: full\n", said);
  said.clear();
  troubles.over("store", now + 130s);
  troubles.over("store", now + 131s);
  EXPECT_EQ("store: works again, after 2m 10s\n", said);
}

TEST_F(TroublesTest, ShowTheNewestWordsAndForHowLong) {
  troubles.met("store", "full", now);
  troubles.met("store", "fuller", now + 5s);
  const auto present = troubles.present(now + 7s);
  ASSERT_EQ(1u, present.size());
  EXPECT_EQ("store", present[0].subject);
  EXPECT_EQ("fuller", present[0].text);
  EXPECT_EQ(7s, present[0].lasts);
}

TEST_F(TroublesTest, AreNotAllShownWhereTheyAreVeryMany) {
  for (int i = 0; i < 1000; ++i) troubles.met("job " + std::to_string(i), "damaged", now);
  EXPECT_EQ(Troubles::kMostPresent, troubles.present(now).size());
}

}  // namespace
}  // namespace domed
