#include <algorithm>

#include "store_fixture.h"
#include "subject.h"

namespace conformance {
namespace {

// The name of one unbroken history.
class StoreIncarnation : public StoreTest {};

TEST_F(StoreIncarnation, IsAName) {
  const std::string name = store().incarnation();
  EXPECT_GE(name.size(), 1u);
  EXPECT_LE(name.size(), 64u);
  const auto allowed = [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '-'; };
  EXPECT_TRUE(std::all_of(name.begin(), name.end(), allowed)) << name;
}

TEST_F(StoreIncarnation, StaysForTheLifeOfTheObject) {
  const std::string name = store().incarnation();
  make_job("j", 3);
  EXPECT_DONE(commit_one(purge_of("j")));
  EXPECT_EQ(name, store().incarnation());
}

TEST_F(StoreIncarnation, OfTheNextObjectIsTheSameUnlessAllIsLost) {
  const bool durable = subject().durability != Durability::none;
  for (int i = 0; i < 5; ++i) {
    const std::string name = store().incarnation();
    make_job("j" + std::to_string(i), 3);
    close();
    open();
    EXPECT_EQ(durable, name == store().incarnation()) << name << ", " << store().incarnation();
  }
}

TEST_F(StoreIncarnation, OfAnotherPlaceIsAnother) {
  const Scratch other;
  EXPECT_NE(store().incarnation(), make_store(other.path())->incarnation());
}

}  // namespace
}  // namespace conformance
