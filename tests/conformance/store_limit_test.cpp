#include "store_fixture.h"

namespace conformance {
namespace {

class StoreLimit : public StoreTest {};

TEST_F(StoreLimit, LogsEndAtTheLargestSeq) {
  EXPECT_DONE(commit_one(created(copy_of("j", domed::kMaxSeq - 1, 2))));
  expect_error(Code::invalid_argument, [&] { commit_one(append_of("j", domed::kMaxSeq, 1)); });
  const Slice slice = read("j", domed::kMaxSeq);
  EXPECT_EQ(domed::kMaxSeq, slice.from);
  EXPECT_EQ(lines_of("j", domed::kMaxSeq, domed::kMaxSeq), lines_in(slice));
}

TEST_F(StoreLimit, NothingOfALogBeyondItIsKept) {
  const auto refused = [&](std::uint64_t first_seq, std::uint64_t count) {
    expect_error(Code::invalid_argument,
                 [&] { commit_one(created(copy_of("j", first_seq, count))); });
  };
  refused(domed::kMaxSeq, 2);
  refused(domed::kMaxSeq + 1, 1);
  refused(UINT64_MAX, 1);
  EXPECT_FALSE(store().find("j").has_value());
}

TEST_F(StoreLimit, ALogAtItsEndTakesRecordsYet) {
  EXPECT_DONE(commit_one(created(copy_of("j", domed::kMaxSeq, 1))));
  Draft draft = append_of("j", domed::kMaxSeq, 0);
  draft.head = "changed";
  EXPECT_DONE(commit_one(draft));
  EXPECT_EQ("changed", find("j").head);
}

TEST_F(StoreLimit, ALogAtItsEndIsTrimmedAndPurgedAsAnyOther) {
  EXPECT_DONE(commit_one(created(copy_of("j", domed::kMaxSeq - 1, 2))));
  EXPECT_DONE(commit_one(trim_of("j", domed::kMaxSeq)));
  EXPECT_EQ(lines_of("j", domed::kMaxSeq, domed::kMaxSeq), read_all("j"));
  EXPECT_DONE(commit_one(trim_of("j", domed::kMaxSeq + 1)));
  EXPECT_EQ(Lines{}, read_all("j"));
  EXPECT_DONE(commit_one(purge_of("j")));
  EXPECT_EQ(domed::kMaxSeq + 1, find("j").first_seq);
}

}  // namespace
}  // namespace conformance
