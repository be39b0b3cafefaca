#include <unistd.h>

#include "child.h"
#include "store_fixture.h"
#include "subject.h"

namespace conformance {
namespace {

// The second object on a place that another one has open: refused, unless the store lets its
// openers meet (facets watch and leases).
class StoreOpener : public StoreTest {
 protected:
  static bool may_share() { return subject().may_share(); }

  // What becomes of an opener.
  std::string opened() const {
    try {
      make_store(directory());
      return "let in";
    } catch (const domed::Error& error) {
      return text_of(error.code()) + (error.what()[0] == '\0' ? " without a text" : "");
    }
  }
  std::string in_another_process() const {
    return in_child([&] { return opened(); });
  }
  static std::string right() { return may_share() ? "let in" : "conflict"; }
};

TEST_F(StoreOpener, SecondObjectIsRefused) {
  make_job("j", 3);
  if (may_share())
    EXPECT_NE(nullptr, make_store(directory()));
  else
    expect_error(Code::conflict, [&] { make_store(directory()); });
  EXPECT_DONE(commit_one(append_of("j", 3, 1)));
  EXPECT_EQ(lines_of("j", 1, 4), read_all("j"));
}

TEST_F(StoreOpener, SecondProcessIsRefused) {
  make_job("j", 3);
  close();
  const auto open_it = [&](const Child::Say& say) { say(opened()); };
  Child other(open_it, Child::Begin::when_told), third(open_it, Child::Begin::when_told);
  open();
  other.begin();
  EXPECT_EQ(right(), other.hear().value_or("crashed or hung"));
  third.begin();
  EXPECT_EQ(right(), third.hear().value_or("crashed or hung")) << "the second time";
  EXPECT_DONE(commit_one(append_of("j", 3, 1)));
  EXPECT_EQ(lines_of("j", 1, 4), read_all("j"));
}

TEST_F(StoreOpener, TheEndOfTheFirstMakesRoom) {
  make_job("j", 3);
  close();
  EXPECT_EQ("let in", in_another_process());
  open();
  EXPECT_EQ(lines_of("j", 1, 3), read_all("j"));
}

TEST_F(StoreOpener, TheDeathOfTheFirstMakesRoom) {
  make_job("j", 3);
  close();
  Child first([&](const Child::Say& say) {
    const auto store = make_store(directory());
    say("open");
    say(store->find("j") ? "there" : "gone");
    for (;;) ::pause();
  });
  EXPECT_EQ("open", first.hear().value_or("nothing"));
  EXPECT_EQ("there", first.hear().value_or("nothing"));
  EXPECT_EQ(right(), in_another_process());
  first.kill();
  open();
  EXPECT_EQ(lines_of("j", 1, 3), read_all("j"));
}

// Openers that may meet see each other's commits, and compare and set holds between them.
TEST_F(StoreOpener, ThoseThatAreLetInSeeTheSame) {
  if (!may_share()) return;
  const auto other = make_store(directory());
  make_job("j", 3);
  const std::string seen = revision("j");
  EXPECT_EQ(seen, other->find("j").value_or(JobRecord{}).revision);
  Writer writer;
  EXPECT_EQ(Outcomes{Outcome::done}, writer.commit(*other, {against(seen, append_of("j", 3, 1))}));
  EXPECT_CONFLICT(commit_one(against(seen, append_of("j", 3, 1))));
  EXPECT_EQ(lines_of("j", 1, 4), read_all("j"));
  EXPECT_EQ(store().incarnation(), other->incarnation());
}

}  // namespace
}  // namespace conformance
