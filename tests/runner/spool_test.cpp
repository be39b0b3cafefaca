#include "runner/spool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/json.h"
#include "domed/error.h"
#include "runner/outbox.h"
#include "scratch.h"

namespace domed {
namespace {

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> out;
  for_each_line(read_own(path, 1 << 30), [&](std::string_view line) { out.emplace_back(line); });
  return out;
}

using Lines = std::vector<std::string>;

TEST(Spool, HoldsABatchOnEachLine) {
  const Scratch scratch;
  Spool spool(scratch / "spool");
  EXPECT_TRUE(spool.append(1, "one"));
  EXPECT_TRUE(spool.append(2, "two"));
  EXPECT_EQ("one\ntwo\n", read_own(scratch / "spool", 1 << 30));
  EXPECT_EQ(std::filesystem::perms(0600), std::filesystem::status(scratch / "spool").permissions());
}

TEST(Spool, RefusesAFileThatIsThere) {
  const Scratch scratch;
  write_own(scratch / "spool", "x");
  EXPECT_THROW(Spool(scratch / "spool"), Error);
}

TEST(Spool, HandsEachBatchOutOnceInOrder) {
  const Scratch scratch;
  Spool spool(scratch / "spool");
  spool.append(1, "one");
  spool.append(2, "two");
  EXPECT_EQ("one", spool.next()->line);
  spool.acknowledge(1);
  EXPECT_EQ(2u, spool.next()->batch);
  EXPECT_FALSE(spool.next());
  spool.append(3, "three");
  EXPECT_EQ("three", spool.next()->line);
}

TEST(Spool, HandsOutAgainWhatIsNotAcknowledged) {
  const Scratch scratch;
  Spool spool(scratch / "spool");
  spool.rewind();
  for (int batch = 1; batch <= 3; ++batch) spool.append(batch, std::to_string(batch));
  while (spool.next()) {
  }
  spool.acknowledge(1);
  spool.rewind();
  EXPECT_EQ(2u, spool.next()->batch);
  EXPECT_EQ(3u, spool.next()->batch);
  spool.acknowledge(3);
  spool.rewind();
  EXPECT_FALSE(spool.next());
}

TEST(Spool, CountsWhatIsNotAcknowledged) {
  const Scratch scratch;
  Spool spool(scratch / "spool");
  EXPECT_EQ(0u, spool.unacknowledged());
  spool.append(1, "one");
  spool.append(2, "two");
  EXPECT_EQ(2u, spool.unacknowledged());
  EXPECT_EQ(8u, spool.unacknowledged_bytes());
  spool.acknowledge(1);
  EXPECT_EQ(4u, spool.unacknowledged_bytes());
  spool.acknowledge(2);
  EXPECT_EQ(0u, spool.unacknowledged());
  EXPECT_EQ(0u, spool.unacknowledged_bytes());
}

TEST(Spool, ShrinksButKeepsItsLastLine) {
  const Scratch scratch;
  Spool spool(scratch / "spool");
  const std::string big(Spool::kShrinkAbove, 'x');
  spool.append(1, big);
  spool.append(2, "last");
  spool.acknowledge(2);
  EXPECT_EQ(Lines{"last"}, lines_of(scratch / "spool"));
  spool.append(3, "more");
  EXPECT_EQ((Lines{"last", "more"}), lines_of(scratch / "spool"));
  EXPECT_EQ(1u, spool.unacknowledged());
}

TEST(Spool, ShrinksWhileBatchesAreUnderWay) {
  const Scratch scratch;
  Spool spool(scratch / "spool");
  const std::string big(200'000, 'x');
  std::size_t longest = 0;
  for (std::uint64_t batch = 1; batch <= 100; ++batch) {
    spool.append(batch, big + std::to_string(batch));
    if (batch > 8) spool.acknowledge(batch - 8);
    longest = std::max(longest, spool.file_size());
    EXPECT_EQ(big + std::to_string(batch), spool.next()->line);
  }
  EXPECT_LT(longest, 5'000'000u);
  EXPECT_EQ(8u, spool.unacknowledged());
}

TEST(Spool, LineWithoutLfIsTorn) {
  Lines lines;
  for_each_line("one\ntwo\nthr", [&](std::string_view line) { lines.emplace_back(line); });
  EXPECT_EQ((Lines{"one", "two"}), lines);
}

Spec spec_for_batches() {
  Spec spec;
  spec.job_id = "a \"job\"";
  spec.producer_id = "runner";
  spec.producer_token = "t";
  return spec;
}

// Any job of this user can write to the file; what is sent bears the runner's token.
TEST(Spool, HandsOutNothingThatSomebodyElseWrote) {
  const Scratch scratch;
  Spool spool(scratch / "spool");
  spool.append(1, "what the job said");
  const Fd forger = open_own(scratch / "spool", O_WRONLY);
  ASSERT_TRUE(write_fully(forger.get(), "what it never said", 0));
  EXPECT_THROW(spool.next(), Error);
  Spool cut(scratch / "cut");
  cut.append(1, "what the job said");
  ASSERT_EQ(0, truncate((scratch / "cut").c_str(), 3));
  EXPECT_THROW(cut.next(), Error);
}

TEST(Outbox, WritesParamsOfAppendJobEvents) {
  const Scratch scratch;
  Spool spool(scratch / "spool");
  Outbox outbox(spec_for_batches(), spool);
  outbox.add(encode_event("x-a", "{}"), 0);
  outbox.add(encode_event("x-b", "{\"n\":1}"), 0);
  EXPECT_TRUE(outbox.close());
  EXPECT_EQ(Lines{R"({"job_id":"a \"job\"","producer_id":"runner","batch":1,)"
                  R"("events":[{"type":"x-a","payload":{}},{"type":"x-b","payload":{"n":1}}]})"},
            lines_of(scratch / "spool"));
  EXPECT_TRUE(outbox.empty());
}

TEST(Outbox, FreezesWhenEachEventHappened) {
  const Scratch scratch;
  Spool spool(scratch / "spool");
  Spec spec = spec_for_batches();
  spec.times = true;
  Outbox outbox(spec, spool);
  outbox.add(encode_event("x-a", "{}"), 1'700'000'000'000'001);
  outbox.add(encode_event("x-b", "{}"), -5);
  EXPECT_TRUE(outbox.close());
  EXPECT_EQ(Lines{R"({"job_id":"a \"job\"","producer_id":"runner","batch":1,"events":[)"
                  R"({"t":1700000000000001,"type":"x-a","payload":{}},)"
                  R"({"t":-5,"type":"x-b","payload":{}}]})"},
            lines_of(scratch / "spool"));
}

TEST(Outbox, ClosesFullBatchesByItself) {
  const Scratch scratch;
  Spool spool(scratch / "spool");
  Outbox outbox(spec_for_batches(), spool);
  for (int i = 0; i < 2500; ++i) outbox.add(encode_event("x-a", "{}"), 0);
  for (int i = 0; i < 10; ++i)
    outbox.add(encode_event("x-b", json_string(std::string(50'000, 'x'))), 0);
  outbox.close();
  std::size_t events = 0;
  for (const auto& line : lines_of(scratch / "spool")) {
    EXPECT_LE(line.size(), 256u * 1024);
    const std::size_t count = Json::parse(line)["events"].size();
    EXPECT_LE(count, Outbox::kMaxEvents);
    events += count;
  }
  EXPECT_EQ(2510u, events);
}

TEST(Outbox, BlocksWhenTooMuchWaits) {
  const Scratch scratch;
  Spool spool(scratch / "spool");
  Spec spec = spec_for_batches();
  spec.max_spool = 4 << 20;
  Outbox outbox(spec, spool);
  const EncodedEvent event = encode_event("x-a", json_string(std::string(100'000, 'x')));
  while (!outbox.blocked(true)) outbox.add(event, 0);
  EXPECT_LT(spool.file_size(), 5u << 20);
  spool.acknowledge(spool.unacknowledged());
  EXPECT_FALSE(outbox.blocked(true));
}

}  // namespace
}  // namespace domed
