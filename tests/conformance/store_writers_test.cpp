#include <memory>
#include <thread>

#include "child.h"
#include "disturbance.h"
#include "one_of_many.h"
#include "shared_fixture.h"
#include "subject.h"

namespace conformance {
namespace {

// Several objects on one place, each with a writer, as several daemons have it open.
class StoreWriters : public SharedTest {
 protected:
  static constexpr int kSteps = 150;

  // Everybody at once; on the plugin's own objects, whose "unknown" is taken as it is.
  void work(const std::vector<OneOfMany*>& writers) {
    Disturbance disturbance(kSteps / 5);
    std::vector<std::thread> others;
    for (std::size_t i = 1; i < writers.size(); ++i)
      others.emplace_back([writer = writers[i]] {
        for (int step = 0; step < kSteps && !HasFailure(); ++step) writer->step();
      });
    for (int step = 0; step < kSteps && !HasFailure(); ++step) {
      disturbance.step();
      writers[0]->step();
    }
    for (std::thread& thread : others) thread.join();
  }

  void expect_truth(domed::Store& seen, const Many& writers) {
    for (std::uint64_t number = 0; number < OneOfMany::kJobs; ++number) {
      const std::string id = OneOfMany::job(number);
      const auto record = patiently([&] { return seen.find(id); });
      const auto log = patiently([&] { return seen.read(id, 1, 1'000'000, 1 << 30); });
      ASSERT_TRUE(record && log) << id;
      expect_history(*record, *log, writers);
    }
  }

  // A step of one object, and what the other has of it: both the same, at once.
  void expect_equal_here_and_there(const std::string& id) {
    const auto here = store().find(id), there = other().find(id);
    ASSERT_EQ(here.has_value(), there.has_value());
    if (!here) return;
    expect_equal(*here, *there);
    const auto log = other().read(id, 1, 1'000'000, 1 << 30);
    ASSERT_TRUE(log);
    EXPECT_EQ(read_all(id), lines_in(*log));
    EXPECT_EQ(here->revision, log->job.revision);
  }
};

// What one was told is true whatever the others did: nothing that was done is lost, nothing that
// was refused is there, and each entry was done to what its writer had seen.
TEST_F(StoreWriters, AreToldTheTruth) {
  SCOPED_TRACE("seed " + std::to_string(target.seed));
  OneOfMany here(plugin_object(store()), "here", target.seed);
  OneOfMany there(plugin_object(other()), "there", target.seed + 1);
  work({&here, &there});
  const Many all{&here, &there};
  expect_truth(plugin_object(store()), all);
  expect_truth(plugin_object(other()), all);
  open_other();
  expect_truth(plugin_object(other()), all);
}

TEST_F(StoreWriters, SeeAtOnceWhatAnotherCommitted) {
  make_job("j", 3);
  expect_equal_here_and_there("j");
  for (std::uint64_t head = 3; head < 10; ++head) {
    EXPECT_DONE(commit_one(append_of("j", head, 1)));
    expect_equal_here_and_there("j");
  }
  EXPECT_DONE(commit_one(append_of("j", 10, 0)));
  expect_equal_here_and_there("j");
  EXPECT_DONE(commit_one(trim_of("j", 5)));
  expect_equal_here_and_there("j");
  EXPECT_EQ(1u, listed(other()).size());
  EXPECT_DONE(commit_one(purge_of("j")));
  expect_equal_here_and_there("j");
  EXPECT_EQ(0u, listed(other()).size());
  EXPECT_DONE(commit_one(drop_of("j")));
  expect_equal_here_and_there("j");
}

TEST_F(StoreWriters, FindWhatTheySawGone) {
  make_job("j", 3);
  const std::string seen = revision("j");
  EXPECT_DONE(commit_there(against(seen, append_of("j", 3, 1))));
  const std::string now = revision_there("j");
  for (const Draft& late :
       {append_of("j", 3, 1), append_of("j", 3, 0), trim_of("j", 2), purge_of("j")})
    EXPECT_CONFLICT(commit_one(against(seen, late)));
  EXPECT_EQ(now, find("j").revision);
  EXPECT_EQ(lines_of("j", 1, 4), read_all("j"));
  EXPECT_DONE(commit_one(against(now, append_of("j", 4, 1))));
}

TEST_F(StoreWriters, ClaimAJobOnce) {
  for (int i = 0; i < 20; ++i) {
    const std::string id = "c" + std::to_string(i);
    Draft mine = created(append_of(id, 0, 1)), theirs = created(append_of(id, 0, 2));
    Outcome there = Outcome::unknown;
    std::thread thread([&] { there = commit_there(theirs); });
    const Outcome here = commit_one(mine);
    thread.join();
    EXPECT_NE(here, there) << id;
    EXPECT_EQ(here == Outcome::done ? 1u : 2u, find(id).head_seq) << id;
  }
}

// Batches of several jobs in the opposite order of each other: none waits for the other for ever,
// and what became of an entry does not depend on the others.
TEST_F(StoreWriters, MayCrossEachOther) {
  constexpr int kMany = 20;
  std::vector<Draft> forth;
  for (int i = 0; i < kMany; ++i) {
    make_job("j" + std::to_string(i), 1);
    forth.push_back(append_of("j" + std::to_string(i), 1, 1));
  }
  for (int round = 0; round < 10; ++round) {
    for (Draft& draft : forth) {
      draft.expected_revision = find(draft.job_id).revision;
      draft.base = find(draft.job_id).head_seq;
    }
    std::vector<Draft> back(forth.rbegin(), forth.rend());
    for (Draft& draft : forth) draft.revision = new_revision();
    for (Draft& draft : back) draft.revision = new_revision();
    Outcomes here, there;
    std::thread thread([&] { there = conformance::commit(other(), back); });
    here = conformance::commit(store(), forth);
    thread.join();
    for (std::size_t i = 0; i < kMany; ++i) EXPECT_NE(here[i], there[kMany - 1 - i]) << i;
  }
}

TEST_F(StoreWriters, AreOnOnePlace) {
  EXPECT_EQ(store().incarnation(), other().incarnation());
  EXPECT_EQ(store().durability(), other().durability());
  make_job("j", 1);
  close_other();
  EXPECT_EQ(lines_of("j", 1, 1), read_all("j"));
  open_other();
  EXPECT_EQ(store().incarnation(), other().incarnation());
  EXPECT_TRUE(other().find("j"));
}

// A writer that dies inside of what it does leaves nothing that others wait for.
TEST_F(StoreWriters, DieAlone) {
  if (subject().durability == Durability::none) return;  // no other process has it open
  make_job("j", 1);
  close_other();
  for (int round = 0; round < 5; ++round) {
    close();
    Child victim([&](const Child::Say& say) {
      const auto own = make_store(directory());
      OneOfMany writer(plugin_object(*own), "victim" + std::to_string(round) + '.', target.seed);
      for (;;) {
        writer.step();
        say("+");
      }
    });
    open();
    for (int steps = 0; steps < 5; ++steps) EXPECT_EQ("+", victim.hear().value_or("nothing"));
    victim.kill();
    EXPECT_DONE(commit_one(append_of("j", static_cast<std::uint64_t>(round) + 1, 1)));
  }
}

}  // namespace
}  // namespace conformance
