#include <ostream>

#include "store_fixture.h"

namespace conformance {
namespace {

class StoreBatch : public StoreTest {};

TEST_F(StoreBatch, OfNothingHasNoResults) {
  EXPECT_TRUE(store().commit({}).empty());
}

TEST_F(StoreBatch, AppliesEveryEntry) {
  std::vector<Draft> drafts;
  for (int i = 0; i < 64; ++i) drafts.push_back(created(append_of("j" + std::to_string(i), 0, 5)));
  for (const EntryResult& result : commit(store(), drafts)) EXPECT_DONE(result);
  for (const Draft& draft : drafts) EXPECT_EQ(lines_of(draft.job_id, 1, 5), read_all(draft.job_id));
}

TEST_F(StoreBatch, AConflictLeavesTheOthers) {
  make_job("a", 1);
  make_job("b", 2);
  make_job("c", 3);
  const auto results =
      commit(store(), {append_of("a", 1, 1), append_of("b", 7, 1), append_of("c", 3, 1)});
  ASSERT_EQ(3u, results.size());
  EXPECT_DONE(results[0]);
  EXPECT_CONFLICT(2, results[1]);
  EXPECT_DONE(results[2]);
  EXPECT_EQ(lines_of("a", 1, 2), read_all("a"));
  EXPECT_EQ(lines_of("b", 1, 2), read_all("b"));
  EXPECT_EQ(lines_of("c", 1, 4), read_all("c"));
}

TEST_F(StoreBatch, MixesAllActions) {
  make_job("a", 3);
  make_job("b", 3);
  make_job("c", 3);
  const auto results = commit(store(), {purge_of("a", 3), created(append_of("d", 0, 2)),
                                        trim_of("b", 3, 3), append_of("c", 3, 1)});
  for (const EntryResult& result : results) EXPECT_DONE(result);
  EXPECT_TRUE(find("a").tombstone);
  EXPECT_EQ(lines_of("b", 3, 3), read_all("b"));
  EXPECT_EQ(lines_of("c", 1, 4), read_all("c"));
  EXPECT_EQ(lines_of("d", 1, 2), read_all("d"));
}

// Batches that break a rule; the suite's name for each is its parameter.
struct Broken {
  const char* name;
  Draft (*make)();
};
void PrintTo(const Broken& broken, std::ostream* out) {
  *out << broken.name;
}

class StoreInvalid : public StoreTest, public ::testing::WithParamInterface<Broken> {};

TEST_P(StoreInvalid, IsRefusedWhole) {
  make_job("good", 3);
  make_job("bad", 3);
  const JobRecord before = find("good");
  const std::vector<Draft> drafts = {append_of("good", 3, 1), GetParam().make()};
  expect_error(Code::invalid_argument, [&] { commit(store(), drafts); });
  expect_equal(before, find("good"));
  EXPECT_EQ(lines_of("good", 1, 3), read_all("good"));
  EXPECT_EQ(lines_of("bad", 1, 3), read_all("bad"));
}

Draft with_events(const std::string& events, std::vector<std::uint32_t> ends) {
  Draft draft = append_of("bad", 3, 0);
  draft.events = events;
  draft.ends = std::move(ends);
  return draft;
}

Draft with_id(const std::string& id) {
  Draft draft = append_of(id, 0, 1);
  draft.columns.created = 77;
  return draft;
}

Draft with_created(std::int64_t created) {
  Draft draft = with_id("third");
  draft.columns.created = created;
  return draft;
}

Draft with_label(const std::string& label) {
  Draft draft = append_of("bad", 3, 1);
  draft.columns.labels = {label};
  return draft;
}

Draft too_large() {
  Draft draft = append_of("bad", 3, 0);
  draft.add(std::string(domed::kMaxEntryBytes, 'x'));
  return draft;
}

Draft trim_with_events() {
  Draft draft = trim_of("bad", 3, 2);
  draft.add("x");
  return draft;
}

const Broken kBroken[] = {
    {"EmptyJobId", [] { return with_id(""); }},
    {"LongJobId", [] { return with_id(std::string(513, 'x')); }},
    {"TheSameJobTwice", [] { return append_of("good", 3, 1); }},
    {"CreationWithoutEvents", [] { return append_of("third", 0, 0); }},
    {"CreatedOfAnotherJob", [] { return with_created(10); }},
    {"TooManyBytes", too_large},
    {"LineWithoutLf", [] { return with_events("ab", {2}); }},
    {"LfInsideALine", [] { return with_events("a\nb\n", {4}); }},
    {"OffsetInsideALine",
     [] {
       return with_events("ab\n", {2, 3});
     }},
    {"OffsetTwice",
     [] {
       return with_events("a\nb\n", {2, 2, 4});
     }},
    {"OffsetsFalling",
     [] {
       return with_events("a\nb\n", {4, 2});
     }},
    {"OffsetBeyondTheEnd",
     [] {
       return with_events("a\n", {2, 9});
     }},
    {"BytesWithoutOffset", [] { return with_events("a\nb\n", {2}); }},
    {"LabelWithLf", [] { return with_label("a=1\nb=2"); }},
    {"TrimWithEvents", trim_with_events},
    {"TrimToZero", [] { return trim_of("bad", 3, 0); }},
    {"TrimBeyondTheHead", [] { return trim_of("bad", 3, 5); }},
};

INSTANTIATE_TEST_SUITE_P(Batch, StoreInvalid, ::testing::ValuesIn(kBroken),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace conformance
