#include <unistd.h>

#include "child.h"
#include "disturbance.h"
#include "operations.h"
#include "watchdog.h"

namespace conformance {
namespace {

using Batches = std::vector<std::vector<Draft>>;

// A process commits random batches, acknowledges each, and is killed somewhere:
// while it opens the store, inside a commit, or between two.
class StoreCrash : public StoreTest {
 protected:
  static constexpr std::size_t kBatches = 60;  // more than one process gets through

  // What a process would do to a store that has what "model" has.
  Batches batches_for(Model model) {
    Batches batches;
    while (batches.size() < kBatches) {
      batches.push_back(random_.batch(model));
      model.commit(batches.back());
    }
    return batches;
  }

  static void run(const std::filesystem::path& directory, const Batches& batches, Model model,
                  const Child::Say& say) {
    const auto store = make_store(directory);
    for (const auto& batch : batches) {
      Operation operation;
      operation.batch = batch;
      const std::string wrong = perform(operation, *store, model);
      say(wrong.empty() ? "+" : wrong);
    }
  }

  // Runs a process until it has acknowledged "wanted" batches, kills it a little
  // later, and returns how many it acknowledged.
  std::size_t acknowledged(const Batches& batches, std::size_t wanted) {
    Child victim([&](const Child::Say& say) { run(directory(), batches, model_, say); });
    std::size_t heard = 0;
    const auto hear = [&] {
      const auto line = victim.hear();
      EXPECT_EQ("+", line.value_or("+")) << "batch " << heard + 1;
      return line == "+";
    };
    for (; heard < wanted && hear(); ++heard) disturbance_.step();
    EXPECT_EQ(wanted, heard) << "the process crashed or hung";
    // Somewhere inside what it does next, whatever the machine's speed.
    ::usleep(static_cast<useconds_t>(random_.upto(2000)));
    victim.kill();
    while (hear()) ++heard;
    return heard;
  }

  // Each job is as after the acknowledged batches, or as after the one that was
  // under way: never in between.
  void check(const Batches& batches, std::size_t acknowledged) {
    for (std::size_t i = 0; i < acknowledged; ++i) model_.commit(batches[i]);
    Model later = model_;
    if (acknowledged < batches.size()) later.commit(batches[acknowledged]);
    Model::Jobs all = model_.jobs();
    all.insert(later.jobs().begin(), later.jobs().end());
    for (const auto& [id, job] : all) {
      const std::string wrong = difference(model_.find(id), store(), id);
      if (wrong.empty()) continue;
      EXPECT_EQ("", difference(later.find(id), store(), id))
          << "'" << id << "' after " << acknowledged << " acknowledged batches; without the one "
          << "under way: " << wrong;
      model_.adopt(id, later);
    }
  }

  Generator random_{target.seed};
  Disturbance disturbance_{60};
  Model model_;
  std::string incarnation_;
};

TEST_F(StoreCrash, AcknowledgedBatchesSurviveKill) {
  for (int round = 0; round < 30 && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round) + ", repeat with --seed " +
                 std::to_string(target.seed));
    Watchdog::watch("StoreCrash");  // as long as it goes on
    close();                        // the child is to be the only one that has the store open
    const Batches batches = batches_for(model_);
    const std::size_t count = acknowledged(batches, random_.one_in(3) ? 0 : random_.upto(25));
    const std::string name = incarnation_;
    open();
    incarnation_ = store().incarnation();
    EXPECT_EQ(name.empty() ? incarnation_ : name, incarnation_) << "though nothing was lost";
    check(batches, count);
  }
}

}  // namespace
}  // namespace conformance
