#include "store_fixture.h"

namespace conformance {
namespace {

class StoreLimit : public StoreTest {};

TEST_F(StoreLimit, LogsEndAtTheLargestSeq) {
  EXPECT_DONE(commit_one(created(copy_of("j", domed::kMaxSeq - 1, 2))));
  EXPECT_CONFLICT(domed::kMaxSeq, commit_one(append_of("j", domed::kMaxSeq, 1)));
  const Slice slice = read("j", domed::kMaxSeq);
  EXPECT_EQ(domed::kMaxSeq, slice.from);
  EXPECT_EQ(lines_of("j", domed::kMaxSeq, domed::kMaxSeq), lines_in(slice));
}

TEST_F(StoreLimit, NothingOfALogBeyondItIsKept) {
  EXPECT_CONFLICT(0, commit_one(created(copy_of("j", domed::kMaxSeq, 2))));
  EXPECT_CONFLICT(0, commit_one(created(copy_of("k", UINT64_MAX, 2))));
  EXPECT_FALSE(store().find("j").has_value());
  EXPECT_FALSE(store().find("k").has_value());
}

TEST_F(StoreLimit, ALogAtItsEndHindersNoOther) {
  make_job("a", 1);
  EXPECT_DONE(commit_one(created(copy_of("full", domed::kMaxSeq, 1))));
  const auto results =
      commit(store(), {append_of("a", 1, 1), append_of("full", domed::kMaxSeq, 1)});
  EXPECT_DONE(results[0]);
  EXPECT_CONFLICT(domed::kMaxSeq, results[1]);
  EXPECT_EQ(lines_of("a", 1, 2), read_all("a"));
}

TEST_F(StoreLimit, ALogAtItsEndIsTrimmedAndPurgedAsAnyOther) {
  EXPECT_DONE(commit_one(created(copy_of("j", domed::kMaxSeq - 1, 2))));
  EXPECT_DONE(commit_one(trim_of("j", domed::kMaxSeq, domed::kMaxSeq)));
  EXPECT_EQ(lines_of("j", domed::kMaxSeq, domed::kMaxSeq), read_all("j"));
  EXPECT_DONE(commit_one(trim_of("j", domed::kMaxSeq, domed::kMaxSeq + 1)));
  EXPECT_EQ(Lines{}, read_all("j"));
  EXPECT_DONE(commit_one(purge_of("j", domed::kMaxSeq)));
  EXPECT_EQ(domed::kMaxSeq + 1, find("j").first_seq);
}

}  // namespace
}  // namespace conformance
