#include "disturbance.h"
#include "operations.h"

namespace conformance {
namespace {

// A store whose engine goes away and comes back.
class StoreDisturbed : public StoreTest {
 protected:
  static constexpr int kRounds = 300;

  static bool throws_stale(const std::function<void()>& call) try {
    call();
    return false;
  } catch (const domed::Error& error) {
    return error.code() == Code::stale;
  }

  // Whoever says "stale" has nothing else to say until he is gone.
  void expect_stale_for_ever() {
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(throws_stale([&] { store().find("j"); })) << "find() after 'stale'";
      EXPECT_TRUE(throws_stale([&] { store().read("j", 1, 10, 1000); })) << "read() after 'stale'";
      EXPECT_TRUE(throws_stale([&] { store().list({}); })) << "list() after 'stale'";
      EXPECT_TRUE(throws_stale([&] { commit_one(created(append_of("j", 0, 1))); }))
          << "commit() after 'stale'";
    }
  }

  // After "stale" a new object has another name, and what it has is what there is.
  void begin_anew() {
    expect_stale_for_ever();
    const std::string before = store().incarnation();
    close();
    open();
    EXPECT_NE(before, store().incarnation()) << "acknowledged commits may be lost, in silence";
    model_.take(store());
  }

  void play(const std::vector<Draft>& batch) {
    Operation operation;
    operation.batch = batch;
    try {
      EXPECT_EQ("", perform(operation, store(), model_));
    } catch (const domed::Error& error) {
      if (error.code() != Code::stale) throw;
      begin_anew();
    }
  }

  Generator random_{target.seed};
  Model model_;
};

TEST_F(StoreDisturbed, SaysWhatBecameOfEveryCommit) {
  Disturbance disturbance(kRounds / 10);
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round) + ", seed " + std::to_string(target.seed));
    disturbance.step();
    play(random_.batch(model_));
  }
  for (const auto& [id, job] : model_.jobs()) EXPECT_EQ("", difference(&job, store(), id)) << id;
}

}  // namespace
}  // namespace conformance
