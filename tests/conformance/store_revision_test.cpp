#include "store_fixture.h"

namespace conformance {
namespace {

// Compare and set is by revision alone: what "head" a job has says nothing about whether it
// is still the one that somebody has seen.
class StoreRevision : public StoreTest {
 protected:
  // Everything that may be done to "j", which has "head" events, by whoever saw "revision".
  std::vector<Draft> all(const std::string& revision, std::uint64_t head) const {
    return {against(revision, append_of("j", head, 1)), against(revision, append_of("j", head, 0)),
            against(revision, trim_of("j", 2)), against(revision, purge_of("j"))};
  }
  // Nothing that saw "revision" is done.
  void expect_lost(const std::string& revision, std::uint64_t head) {
    const JobRecord before = find("j");
    for (const Draft& draft : all(revision, head)) EXPECT_CONFLICT(commit_one(draft));
    expect_equal(before, find("j"));
  }
  std::string revision_in_slice() { return read("j", 1).job.revision; }
};

TEST_F(StoreRevision, IsThatOfTheLastEntry) {
  make_job("j", 3);
  const auto expect_kept = [&] {
    EXPECT_EQ(revision("j"), find("j").revision);
    EXPECT_EQ(revision("j"), revision_in_slice());
  };
  expect_kept();
  for (const Draft& draft :
       {append_of("j", 3, 2), append_of("j", 5, 0), trim_of("j", 2), purge_of("j")}) {
    EXPECT_DONE(commit_one(draft));
    expect_kept();
  }
  EXPECT_EQ(revision("j"), listed(store(), {.tombstones = true}).at(0).revision);
}

TEST_F(StoreRevision, ConflictLeavesItAsItIs) {
  make_job("j", 3);
  const std::string before = revision("j");
  EXPECT_CONFLICT(commit_one(against(new_revision(), append_of("j", 3, 1))));
  EXPECT_EQ(before, find("j").revision);
}

TEST_F(StoreRevision, ConflictsWhereThereIsNoJob) {
  for (const Draft& draft : all(new_revision(), 0)) EXPECT_CONFLICT(commit_one(draft));
  EXPECT_CONFLICT(commit_one(against(new_revision(), append_of("j", 5, 1))));
  EXPECT_FALSE(store().find("j").has_value());
}

TEST_F(StoreRevision, AnotherOneWithTheSameHeadConflicts) {
  make_job("j", 3);
  expect_lost(new_revision(), 3);
}

TEST_F(StoreRevision, AllOfItsBytesCount) {
  make_job("j", 3);
  for (const std::size_t byte :
       {std::size_t{0}, domed::kRevisionBytes / 2, domed::kRevisionBytes - 1}) {
    std::string other = revision("j");
    other[byte] = static_cast<char>(other[byte] ^ 0x20);
    expect_lost(other, 3);
  }
}

TEST_F(StoreRevision, ItsBytesMayBeAnyBytes) {
  const std::string zeros(domed::kRevisionBytes, '\0');
  make_job("j", 3);
  Draft draft = append_of("j", 3, 1);
  draft.revision = zeros;
  EXPECT_DONE(commit_one(draft));
  EXPECT_EQ(zeros, find("j").revision);
  EXPECT_CONFLICT(
      commit_one(against(std::string(domed::kRevisionBytes, '0'), append_of("j", 4, 1))));
  EXPECT_DONE(commit_one(append_of("j", 4, 1)));
}

// Two who saw the same: the second one is told, whatever the first one did.
TEST_F(StoreRevision, NoUpdateIsLost) {
  make_job("j", 3);
  std::string seen = revision("j");
  EXPECT_DONE(commit_one(append_of("j", 3, 0)));  // a hold, for example
  expect_lost(seen, 3);
  seen = revision("j");
  EXPECT_DONE(commit_one(trim_of("j", 2)));
  expect_lost(seen, 3);
  seen = revision("j");
  EXPECT_DONE(commit_one(trim_of("j", 2)));  // which forgets nothing more
  expect_lost(seen, 3);
  seen = revision("j");
  EXPECT_DONE(commit_one(append_of("j", 3, 1)));
  expect_lost(seen, 4);
  expect_lost(seen, 3);  // a base that is as old as the revision is no mistake of his
}

// The same id with the same head is another job.
TEST_F(StoreRevision, OfADroppedJobIsNotThatOfTheNext) {
  make_job("j", 3);
  const std::string first = revision("j");
  EXPECT_DONE(commit_one(purge_of("j")));
  const std::string tombstone = revision("j");
  EXPECT_DONE(commit_one(drop_of("j")));
  make_job("j", 3);
  expect_lost(first, 3);
  expect_lost(tombstone, 3);
  EXPECT_CONFLICT(commit_one(against(tombstone, drop_of("j"))));
  EXPECT_DONE(commit_one(append_of("j", 3, 1)));
}

TEST_F(StoreRevision, OfAnotherJobDoesNotCount) {
  make_job("j", 3);
  make_job("k", 3);
  expect_lost(revision("k"), 3);
}

}  // namespace
}  // namespace conformance
