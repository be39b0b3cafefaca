#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "disturbance.h"
#include "model.h"
#include "one_of_many.h"
#include "shared_fixture.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using domed::Change;
using domed::Changes;

// What one object is told of what others commit.
class StoreWatch : public SharedTest {
 protected:
  // Far above what any machine takes: it is no measurement.
  static constexpr auto kPatience = std::chrono::seconds(10);

  void SetUp() override {
    SharedTest::SetUp();
    cursor_ = here().wait("", 0ms).cursor;
  }

  PatientWatch here() { return PatientWatch(store()); }

  // The next change of "id" with "revision" behind the cursor; nullopt: a gap, or nothing.
  std::optional<Change> told(const std::string& id, const std::string& revision) {
    const auto end = SteadyClock::now() + kPatience;
    while (SteadyClock::now() < end) {
      const Changes changes = here().wait(cursor_, 1000ms);
      cursor_ = changes.cursor;
      gap_ = changes.gap;
      if (gap_) return std::nullopt;
      for (const Change& change : changes.changes)
        if (change.job_id == id && change.revision == revision) return change;
    }
    return std::nullopt;
  }

  // Commits "draft" through the other object, and expects to be told of it as it is.
  void expect_told(Draft draft, std::uint64_t head) {
    if (HasFailure()) return;  // each may wait in vain
    const std::string id = draft.job_id;
    draft.columns.state = "state " + std::to_string(++states_);
    if (draft.expected_revision != "") draft.expected_revision = find(id).revision;
    EXPECT_DONE(commit_there(draft));
    const auto change = told(id, revision_there(id));
    ASSERT_TRUE(change) << "nothing was told of " << id << " at " << head << (gap_ ? ": gap" : "");
    EXPECT_EQ(head, change->head_seq);
    EXPECT_EQ(draft.columns.state, change->state);
  }

  // How long it takes until what the other object commits is told.
  SteadyClock::duration lag() {
    const std::string id = "lag" + std::to_string(++states_);
    EXPECT_DONE(commit_there(created(append_of(id, 0, 1))));
    const auto begin = SteadyClock::now();
    EXPECT_TRUE(told(id, revision_there(id))) << (gap_ ? "a gap" : "nothing was told");
    return SteadyClock::now() - begin;
  }

  std::string cursor_;
  bool gap_ = false;
  int states_ = 0;
};

TEST_F(StoreWatch, TellsOfEachKindOfCommit) {
  expect_told(created(append_of("j", 0, 3)), 3);
  expect_told(append_of("j", 3, 2), 5);
  expect_told(append_of("j", 5, 0), 5);
  expect_told(trim_of("j", 3), 5);
  expect_told(purge_of("j"), 5);
  expect_told(created(copy_of("k", 11, 2)), 12);
}

TEST_F(StoreWatch, TellsOfEveryJobInABatch) {
  std::vector<Draft> batch;
  for (int i = 0; i < 200; ++i) {
    batch.push_back(created(append_of("b" + std::to_string(i), 0, 1)));
    batch.back().revision = new_revision();
  }
  for (const Outcome outcome : conformance::commit(other(), batch)) EXPECT_DONE(outcome);
  const std::string before = cursor_;
  for (const Draft& draft : {batch.front(), batch[99], batch.back()}) {
    cursor_ = before;
    EXPECT_TRUE(told(draft.job_id, draft.revision)) << draft.job_id;
  }
}

TEST_F(StoreWatch, TellsWithinASecond) {
  // A busy machine may be slow now and then; one that looks seldom always is.
  auto shortest = lag();
  for (int i = 0; i < 10 && shortest > 1s; ++i) shortest = std::min(shortest, lag());
  EXPECT_LE(shortest, 1s);
}

// A wait that is under way is no reason to tell later.
TEST_F(StoreWatch, TellsWhoeverWaitsAlready) {
  int soon = 0;  // a busy machine may be slow now and then
  for (int round = 0; round < 3 || (soon < 2 && round < 8); ++round) {
    const std::string id = "w" + std::to_string(round);
    std::atomic<SteadyClock::time_point> committed{SteadyClock::time_point::max()};
    std::thread writer([&] {
      std::this_thread::sleep_for(100ms);  // so that it waits, mostly; it is told in either case
      EXPECT_DONE(commit_there(created(append_of(id, 0, 1))));
      committed = SteadyClock::now();
    });
    bool seen = false;
    for (const auto end = SteadyClock::now() + kPatience; !seen && SteadyClock::now() < end;) {
      const Changes changes = here().wait(cursor_, 3000ms);
      cursor_ = changes.cursor;
      seen = std::any_of(changes.changes.begin(), changes.changes.end(),
                         [&](const Change& change) { return change.job_id == id; });
    }
    const auto told = SteadyClock::now();
    writer.join();
    EXPECT_TRUE(seen) << id;
    if (told - committed.load() < 1s) ++soon;
  }
  EXPECT_GE(soon, 2) << "it looks when a wait begins and when it ends";
}

// The answer may be lost: whoever asks again gets it again.
TEST_F(StoreWatch, GoesOnBehindAnyCursorThatItGave) {
  const std::string before = cursor_;
  expect_told(created(append_of("j", 0, 1)), 1);
  expect_told(created(append_of("k", 0, 1)), 1);
  const std::string after = cursor_;
  for (int i = 0; i < 2; ++i) {
    cursor_ = before;
    EXPECT_TRUE(told("j", revision_there("j"))) << "asked again";
    cursor_ = before;
    EXPECT_TRUE(told("k", revision_there("k"))) << "asked again";
  }
  cursor_ = after;
  expect_told(append_of("j", 1, 1), 2);
}

TEST_F(StoreWatch, KeepsItsCursorsForOtherObjects) {
  EXPECT_DONE(commit_there(created(append_of("j", 0, 1))));
  const std::string revision = revision_there("j");
  close();
  open();
  EXPECT_TRUE(told("j", revision) || gap_) << "what came before the new object is lost in silence";
}

TEST_F(StoreWatch, MeetsAGapWithACursorThatItNeverGave) {
  for (const std::string& cursor :
       {std::string("no cursor"), std::string("\0\xff", 2), "x" + cursor_})
    EXPECT_TRUE(here().wait(cursor, 0ms).gap) << hex(cursor);
  EXPECT_FALSE(here().wait(cursor_, 0ms).gap) << "its own is good still";
}

TEST_F(StoreWatch, EndsAtItsTimeout) {
  const auto begin = SteadyClock::now();
  const Changes nothing = here().wait(cursor_, 50ms);
  EXPECT_TRUE(nothing.changes.empty());
  EXPECT_FALSE(nothing.gap);
  EXPECT_GE(SteadyClock::now() - begin, 49ms) << "who comes back at once makes its caller spin";
  cursor_ = nothing.cursor;
  expect_told(created(append_of("j", 0, 1)), 1);
}

// What was told once is told no more: a watcher rests while nothing happens.
TEST_F(StoreWatch, RestsWhenAllIsTold) {
  for (int i = 0; i < 3; ++i) expect_told(created(append_of("j" + std::to_string(i), 0, 1)), 1);
  const auto end = SteadyClock::now() + kPatience;
  Changes changes = here().wait(cursor_, 20ms);
  while (!changes.changes.empty() && SteadyClock::now() < end) {
    cursor_ = changes.cursor;
    changes = here().wait(cursor_, 20ms);
  }
  EXPECT_TRUE(changes.changes.empty()) << changes.changes.size() << " are told again and again";
}

TEST_F(StoreWatch, IsInterrupted) {
  std::thread thread([&] {
    std::this_thread::sleep_for(20ms);  // so that it waits, mostly; either way is right
    here().interrupt();
  });
  const auto begin = SteadyClock::now();
  here().wait(cursor_, kPatience);
  EXPECT_LT(SteadyClock::now() - begin, kPatience) << "the wait went on";
  thread.join();
}

TEST_F(StoreWatch, IsInterruptedBeforeItBegins) {
  here().interrupt();
  const auto begin = SteadyClock::now();
  here().wait(cursor_, kPatience);
  EXPECT_LT(SteadyClock::now() - begin, kPatience) << "the interrupt was lost";
}

TEST_F(StoreWatch, IsInterruptedForItsOwnObjectAlone) {
  const std::string there = PatientWatch(other()).wait("", 0ms).cursor;
  here().interrupt();
  const auto begin = SteadyClock::now();
  EXPECT_TRUE(PatientWatch(other()).wait(there, 50ms).changes.empty());
  EXPECT_GE(SteadyClock::now() - begin, 49ms);
}

// A watcher beside writers on objects of their own.
class StoreWatchMeanwhile : public StoreWatch {
 protected:
  static constexpr int kPhases = 12, kSteps = 10;
  static constexpr std::size_t kWriters = 3;

  // What was told, and what a read showed right after.
  struct Told {
    Change change;
    std::string seen;  // the revision
  };

  void take(const Changes& changes) {
    for (const Change& change : changes.changes) {
      const auto record = patiently([&] { return plugin_object(store()).find(change.job_id); });
      told_.push_back({change, record ? record->revision : ""});
      last_[change.job_id] = change.revision;
    }
    if (!changes.gap) return;
    for (std::uint64_t number = 0; number < OneOfMany::kJobs; ++number) {
      const auto record =
          patiently([&] { return plugin_object(store()).find(OneOfMany::job(number)); });
      if (record) last_[record->job_id] = record->revision;
    }
  }

  void watch_once(milliseconds timeout) {
    const Changes changes = here().wait(cursor_, timeout);
    cursor_ = changes.cursor;
    take(changes);
  }

  void SetUp() override {
    StoreWatch::SetUp();
    for (std::size_t i = 0; i < kWriters; ++i) {
      objects_.push_back(make_store(directory()));
      writers_.push_back(std::make_unique<OneOfMany>(
          plugin_object(*objects_[i]), "w" + std::to_string(i) + '.', target.seed + i));
    }
  }

  // Everybody writes for a while, and this thread watches.
  void work() {
    std::atomic<std::size_t> busy{kWriters};
    std::vector<std::thread> threads;
    for (auto& writer : writers_)
      threads.emplace_back([&busy, &writer] {
        for (int step = 0; step < kSteps && !HasFailure(); ++step) writer->step();
        --busy;
      });
    disturbance_.step();
    while (busy > 0) watch_once(10ms);
    for (std::thread& thread : threads) thread.join();
  }

  bool all_told() {
    for (std::uint64_t number = 0; number < OneOfMany::kJobs; ++number) {
      const auto record = store().find(OneOfMany::job(number));
      if (record && last_[record->job_id] != record->revision) return false;
    }
    return true;
  }

  Many many() const {
    Many all;
    for (const auto& writer : writers_) all.push_back(writer.get());
    return all;
  }

  // Expects that "told" is a state that its job had, and that a read showed it or a later one.
  void expect_true(const Told& told, const std::vector<const Deed*>& history) {
    const auto place = [&](const std::string& revision) {
      return std::find_if(history.begin(), history.end(),
                          [&](const Deed* deed) { return deed->draft.revision == revision; });
    };
    const auto at = place(told.change.revision);
    ASSERT_NE(history.end(), at) << told.change.job_id << ": told of what was never committed";
    const Draft& draft = (*at)->draft;
    EXPECT_EQ(draft.columns.state, told.change.state);
    EXPECT_EQ(draft.base + draft.ends.size(), told.change.head_seq) << draft.head;
    EXPECT_LE(at, place(told.seen))
        << told.change.job_id << ": told of what a read did not show yet";
  }

  std::vector<std::unique_ptr<domed::Store>> objects_;
  std::vector<std::unique_ptr<OneOfMany>> writers_;
  std::vector<Told> told_;
  std::map<std::string, std::string> last_;
  Disturbance disturbance_{4};
};

TEST_F(StoreWatchMeanwhile, TellsTheLastOfEveryJob) {
  SCOPED_TRACE("seed " + std::to_string(target.seed));
  // Only the last change must be told, so there must be many last ones.
  for (int phase = 0; phase < kPhases && !HasFailure(); ++phase) {
    work();
    const auto end = SteadyClock::now() + kPatience;
    while (!all_told() && SteadyClock::now() < end) watch_once(100ms);
    EXPECT_TRUE(all_told()) << "a change was passed over";
  }
}

TEST_F(StoreWatchMeanwhile, TellsOfNothingThatAReadDoesNotShow) {
  SCOPED_TRACE("seed " + std::to_string(target.seed));
  for (int phase = 0; phase < kPhases && !HasFailure(); ++phase) work();
  std::map<std::string, std::vector<const Deed*>> histories;
  for (std::uint64_t number = 0; number < OneOfMany::kJobs; ++number)
    if (const auto record = store().find(OneOfMany::job(number)))
      histories[record->job_id] = history_of(*record, many());
  for (const Told& told : told_) {
    if (HasFailure()) return;
    expect_true(told, histories[told.change.job_id]);
  }
}

}  // namespace
}  // namespace conformance
