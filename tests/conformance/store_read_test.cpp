#include "store_fixture.h"

namespace conformance {
namespace {

// A log of 100 events of 20 bytes, in entries of 1, 2, 3, ... events.
class StoreRead : public StoreTest {
 protected:
  static constexpr std::uint64_t kHead = 100;
  static constexpr std::size_t kLine = 20;  // with its LF

  void SetUp() override {
    StoreTest::SetUp();
    std::uint64_t head = 0;
    for (std::uint64_t count = 1; head < kHead; ++count) head = grow(head, count);
  }

  std::uint64_t grow(std::uint64_t head, std::uint64_t count) {
    Draft draft = append_of("j", head, 0);
    for (; count > 0 && head < kHead; --count) draft.add(line_of("j", ++head, kLine - 1));
    EXPECT_DONE(commit_one(draft.base == 0 ? created(draft) : draft));
    return head;
  }

  static Lines expected(std::uint64_t from, std::uint64_t to) {
    Lines lines;
    for (; from <= to; ++from) lines.push_back(line_of("j", from, kLine - 1));
    return lines;
  }
};

TEST_F(StoreRead, BeginsWhereAsked) {
  for (std::uint64_t from = 1; from <= kHead; ++from) {
    const Slice slice = read("j", from);
    EXPECT_EQ(from, slice.from);
    EXPECT_EQ(expected(from, kHead), lines_in(slice)) << "from " << from;
  }
}

TEST_F(StoreRead, EndsAtMaxEvents) {
  for (const std::size_t most : {1, 2, 7, 99, 100, 101})
    EXPECT_EQ(expected(1, std::min<std::uint64_t>(most, kHead)), lines_in(read("j", 1, most)));
  EXPECT_EQ(expected(50, 52), lines_in(read("j", 50, 3)));
}

TEST_F(StoreRead, EndsAtMaxBytes) {
  EXPECT_EQ(expected(1, 3), lines_in(read("j", 1, 1000, 3 * kLine)));
  EXPECT_EQ(expected(1, 3), lines_in(read("j", 1, 1000, 4 * kLine - 1)));
  EXPECT_EQ(expected(41, 60), lines_in(read("j", 41, 1000, 20 * kLine)));
}

TEST_F(StoreRead, OneEventAlwaysFits) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, kLine - 1})
    EXPECT_EQ(expected(30, 30), lines_in(read("j", 30, 1000, bytes))) << bytes << " bytes";
}

TEST_F(StoreRead, WithoutLimitsGivesEverything) {
  EXPECT_EQ(expected(1, kHead), lines_in(read("j", 1, SIZE_MAX, SIZE_MAX)));
}

TEST_F(StoreRead, BeyondTheHeadHasNoEvents) {
  for (const std::uint64_t from : {kHead + 1, kHead + 2, std::uint64_t{1} << 40, UINT64_MAX}) {
    const Slice slice = read("j", from);
    EXPECT_EQ(Lines{}, lines_in(slice)) << "from " << from;
    EXPECT_EQ(kHead, slice.job.head_seq);
  }
}

TEST_F(StoreRead, PagesOfAnySizeMakeUpTheLog) {
  for (const std::size_t most : {1, 3, 10, 33}) {
    Lines lines;
    while (lines.size() < kHead) {
      const Lines page = lines_in(read("j", lines.size() + 1, most, 7 * kLine));
      ASSERT_FALSE(page.empty());
      lines.insert(lines.end(), page.begin(), page.end());
    }
    EXPECT_EQ(expected(1, kHead), lines);
  }
}

TEST_F(StoreRead, SliceCarriesTheRecordWithoutFixed) {
  expect_equal(find("j"), read("j", 10).job, false);
}

TEST_F(StoreRead, LargeEventsAreFoundInTheMiddle) {
  Draft draft = created(append_of("large", 0, 0));
  for (std::uint64_t seq = 1; seq <= 8; ++seq) draft.add(line_of("large", seq, 60'000));
  EXPECT_DONE(commit_one(draft));
  for (std::uint64_t seq = 1; seq <= 8; ++seq)
    EXPECT_EQ(Lines{line_of("large", seq, 60'000)}, lines_in(read("large", seq, 1)));
}

class StoreReadBackward : public StoreRead {
 protected:
  Slice back(std::uint64_t from, std::size_t max_events = 1000, std::size_t max_bytes = 1 << 20) {
    return read("j", from, max_events, max_bytes, Direction::backward);
  }
};

TEST_F(StoreReadBackward, EndsBelowWhereAsked) {
  for (std::uint64_t from = 2; from <= kHead + 1; ++from) {
    const Slice slice = back(from, 3);
    EXPECT_EQ(from < 4 ? 1 : from - 3, slice.from);
    EXPECT_EQ(expected(slice.from, from - 1), lines_in(slice)) << "below " << from;
    expect_equal(find("j"), slice.job, false);
  }
}

TEST_F(StoreReadBackward, FromBeyondTheHeadIsFromTheHead) {
  for (const std::uint64_t from : {kHead + 1, kHead + 2, std::uint64_t{1} << 40, UINT64_MAX})
    EXPECT_EQ(expected(98, 100), lines_in(back(from, 3))) << "below " << from;
}

TEST_F(StoreReadBackward, BelowTheFirstHasNoEvents) {
  EXPECT_EQ(Lines{}, lines_in(back(1)));
  EXPECT_DONE(commit_one(trim_of("j", 40)));
  for (const std::uint64_t from : {1, 2, 39, 40})
    EXPECT_EQ(Lines{}, lines_in(back(from))) << "below " << from;
  EXPECT_EQ(expected(40, 40), lines_in(back(41)));
  EXPECT_EQ(expected(40, 44), lines_in(back(45, 10)));
}

TEST_F(StoreReadBackward, EndsAtMaxEventsAndMaxBytes) {
  for (const std::size_t most : {1, 2, 7, 99, 100, 101})
    EXPECT_EQ(expected(101 - std::min<std::uint64_t>(most, 100), 100), lines_in(back(101, most)));
  EXPECT_EQ(expected(98, 100), lines_in(back(101, 1000, 3 * kLine)));
  EXPECT_EQ(expected(98, 100), lines_in(back(101, 1000, 4 * kLine - 1)));
  EXPECT_EQ(expected(1, kHead), lines_in(back(UINT64_MAX, SIZE_MAX, SIZE_MAX)));
}

TEST_F(StoreReadBackward, OneEventAlwaysFits) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, kLine - 1})
    EXPECT_EQ(expected(30, 30), lines_in(back(31, 1000, bytes))) << bytes << " bytes";
}

TEST_F(StoreReadBackward, PagesOfAnySizeMakeUpTheLog) {
  for (const std::size_t most : {1, 3, 10, 33}) {
    Lines lines;
    std::uint64_t from = kHead + 1;
    while (lines.size() < kHead) {
      const Slice slice = back(from, most, 7 * kLine);
      const Lines page = lines_in(slice);
      ASSERT_FALSE(page.empty());
      lines.insert(lines.begin(), page.begin(), page.end());
      from = slice.from;
    }
    EXPECT_EQ(expected(1, kHead), lines);
  }
}

class StoreTrim : public StoreTest {};

TEST_F(StoreTrim, ForgetsWhatIsBelow) {
  make_job("j", 10);
  EXPECT_DONE(commit_one(trim_of("j", 4)));
  const Slice slice = read("j", 4);
  EXPECT_EQ(4u, slice.job.first_seq);
  EXPECT_EQ(10u, slice.job.head_seq);
  EXPECT_EQ("trimmed to 4", slice.job.head);
  EXPECT_EQ(lines_of("j", 4, 10), lines_in(slice));
}

TEST_F(StoreTrim, ReadsBelowBeginAtTheFirstRetained) {
  make_job("j", 10);
  EXPECT_DONE(commit_one(trim_of("j", 4)));
  for (const std::uint64_t from : {1, 2, 3, 4}) {
    const Slice slice = read("j", from, 2);
    EXPECT_EQ(4u, slice.from);
    EXPECT_EQ(lines_of("j", 4, 5), lines_in(slice));
  }
}

TEST_F(StoreTrim, CutsAtEverySeq) {
  make_job("j", 1);
  for (std::uint64_t head = 1; head < 21; head += 4)
    EXPECT_DONE(commit_one(append_of("j", head, 4)));
  for (std::uint64_t first = 2; first <= 21; ++first) {
    EXPECT_DONE(commit_one(trim_of("j", first)));
    EXPECT_EQ(lines_of("j", first, 21), read_all("j")) << "first " << first;
  }
}

TEST_F(StoreTrim, MayForgetEveryEvent) {
  make_job("j", 5);
  EXPECT_DONE(commit_one(trim_of("j", 6)));
  const Slice slice = read("j", 1);
  EXPECT_EQ(6u, slice.job.first_seq);
  EXPECT_EQ(5u, slice.job.head_seq);
  EXPECT_EQ(Lines{}, lines_in(slice));
  EXPECT_DONE(commit_one(append_of("j", 5, 2)));
  EXPECT_EQ(lines_of("j", 6, 7), read_all("j"));
  EXPECT_EQ(6u, find("j").first_seq);
}

TEST_F(StoreTrim, BelowTheRetainedRangeChangesNoEvent) {
  make_job("j", 10);
  EXPECT_DONE(commit_one(trim_of("j", 6)));
  EXPECT_DONE(commit_one(trim_of("j", 2)));
  EXPECT_EQ(6u, find("j").first_seq);
  EXPECT_EQ(lines_of("j", 6, 10), read_all("j"));
}

TEST_F(StoreTrim, WritesTheRecordToo) {
  make_job("j", 5, {.state = "running", .unfinished = true});
  Draft draft = trim_of("j", 3);
  draft.fixed = "trimmed";
  draft.columns = {.created = 0, .state = "done", .unfinished = false, .tags = {"l=1"}};
  EXPECT_DONE(commit_one(draft));
  const JobRecord job = find("j");
  EXPECT_EQ("trimmed", job.fixed);
  EXPECT_EQ("done", job.columns.state);
  EXPECT_EQ(Lines{"l=1"}, job.columns.tags);
}

TEST_F(StoreTrim, ConflictsWhereTheRevisionIsAnother) {
  make_job("j", 5);
  EXPECT_CONFLICT(commit_one(against(new_revision(), trim_of("j", 2))));
  EXPECT_CONFLICT(commit_one(trim_of("nobody", 2)));
  EXPECT_EQ(lines_of("j", 1, 5), read_all("j"));
}

}  // namespace
}  // namespace conformance
