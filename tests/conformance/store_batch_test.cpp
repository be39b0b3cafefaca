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
  for (const Outcome result : commit(drafts)) EXPECT_DONE(result);
  for (const Draft& draft : drafts) EXPECT_EQ(lines_of(draft.job_id, 1, 5), read_all(draft.job_id));
}

TEST_F(StoreBatch, AConflictLeavesTheOthers) {
  make_job("a", 1);
  make_job("b", 2);
  make_job("c", 3);
  const auto results = commit(
      {append_of("a", 1, 1), against(new_revision(), append_of("b", 2, 1)), append_of("c", 3, 1)});
  ASSERT_EQ(3u, results.size());
  EXPECT_DONE(results[0]);
  EXPECT_CONFLICT(results[1]);
  EXPECT_DONE(results[2]);
  EXPECT_EQ(lines_of("a", 1, 2), read_all("a"));
  EXPECT_EQ(lines_of("b", 1, 2), read_all("b"));
  EXPECT_EQ(lines_of("c", 1, 4), read_all("c"));
}

TEST_F(StoreBatch, JobsCreatedAtOneTimeStandBesideEachOther) {
  std::vector<Draft> drafts = {append_of("a", 0, 1), append_of("b", 0, 2)};
  for (Draft& draft : drafts) draft.columns.created = 7;
  for (const Outcome outcome : commit(drafts)) EXPECT_DONE(outcome);
  Draft third = append_of("c", 0, 3);
  third.columns.created = 7;
  EXPECT_DONE(commit_one(third));
  EXPECT_EQ(lines_of("a", 1, 1), read_all("a"));
  EXPECT_EQ(lines_of("c", 1, 3), read_all("c"));
}

TEST_F(StoreBatch, WhatBecameOfAnEntryDependsOnNoOther) {
  make_job("a", 1);
  make_job("b", 1);
  const std::string old = revision("a");
  EXPECT_DONE(commit_one(append_of("a", 1, 1)));
  const auto outcomes = commit({against(old, append_of("a", 1, 1)), append_of("b", 1, 1),
                                created(append_of("c", 0, 1)), against(old, purge_of("d"))});
  EXPECT_EQ((Outcomes{Outcome::conflict, Outcome::done, Outcome::done, Outcome::conflict}),
            outcomes);
  EXPECT_EQ(lines_of("a", 1, 2), read_all("a"));
  EXPECT_EQ(lines_of("b", 1, 2), read_all("b"));
}

TEST_F(StoreBatch, MixesAllActions) {
  make_job("a", 3);
  make_job("b", 3);
  make_job("c", 3);
  const auto results =
      commit({purge_of("a"), created(append_of("d", 0, 2)), trim_of("b", 3), append_of("c", 3, 1)});
  for (const Outcome result : results) EXPECT_DONE(result);
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
  expect_error(Code::invalid_argument, [&] { commit(drafts); });
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

Draft with_tags(std::vector<std::string> tags) {
  Draft draft = append_of("bad", 3, 1);
  draft.columns.tags = std::move(tags);
  return draft;
}

Draft many_tags() {
  std::vector<std::string> tags;
  for (std::size_t i = 0; i <= domed::kMaxTags; ++i) tags.push_back(std::to_string(i));
  return with_tags(std::move(tags));
}

Draft with_revision(std::size_t bytes) {
  Draft draft = append_of("bad", 3, 1);
  draft.revision = std::string(bytes, 'r');
  return draft;
}

Draft of_no_revision(Draft draft) {
  return against("", std::move(draft));
}

Draft too_large() {
  Draft draft = append_of("bad", 3, 0);
  draft.add(std::string(domed::kMaxEntryBytes, 'x'));
  return draft;
}

Draft trim_with_events() {
  Draft draft = trim_of("bad", 2);
  draft.add("x");
  return draft;
}

const Broken kBroken[] = {
    {"EmptyJobId", [] { return with_id(""); }},
    {"LongJobId", [] { return with_id(std::string(513, 'x')); }},
    {"TheSameJobTwice", [] { return append_of("good", 3, 1); }},
    {"CreationWithoutEvents", [] { return append_of("third", 0, 0); }},
    {"BaseBelowTheHead", [] { return append_of("bad", 2, 1); }},
    {"BaseAboveTheHead", [] { return append_of("bad", 4, 1); }},
    {"BaseOfNoLineBelowTheHead", [] { return append_of("bad", 2, 0); }},
    {"ShortRevision", [] { return with_revision(domed::kRevisionBytes - 1); }},
    {"LongRevision", [] { return with_revision(domed::kRevisionBytes + 1); }},
    {"TrimOfNoRevision", [] { return of_no_revision(trim_of("bad", 2)); }},
    {"PurgeOfNoRevision", [] { return of_no_revision(purge_of("bad")); }},
    {"DropOfNoRevision", [] { return of_no_revision(drop_of("bad")); }},
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
    {"EmptyTag", [] { return with_tags({""}); }},
    {"LongTag", [] { return with_tags({std::string(domed::kMaxTagBytes + 1, 't')}); }},
    {"TagTwice",
     [] {
       return with_tags({"a=1", "b=1", "a=1"});
     }},
    {"ManyTags", many_tags},
    {"TrimWithEvents", trim_with_events},
    {"TrimToZero", [] { return trim_of("bad", 0); }},
    {"TrimBeyondTheHead", [] { return trim_of("bad", 5); }},
};

INSTANTIATE_TEST_SUITE_P(Batch, StoreInvalid, ::testing::ValuesIn(kBroken),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace conformance
