#include <algorithm>

#include "disturbance.h"
#include "operations.h"
#include "subject.h"
#include "watchdog.h"

namespace conformance {
namespace {

class StoreModel : public ::testing::Test {
 protected:
  struct Difference {
    std::size_t step = 0;  // the operation after which it showed
    std::string text;
  };

  // Does "operations" to a fresh store and to the model.
  static std::optional<Difference> play(const Operations& operations) {
    const Scratch scratch;
    auto store = make_store(scratch.path());
    Model model;
    Disturbance disturbance(100);
    for (std::size_t i = 0; i < operations.size(); ++i) {
      disturbance.step();
      if (i % 100 == 0) Watchdog::watch("StoreModel");  // as long as it goes on
      if (operations[i].kind == Operation::Kind::reopen) {
        store.reset();
        store = make_store(scratch.path());
      }
      if (std::string text = perform(operations[i], *store, model); !text.empty())
        return Difference{i, std::move(text)};
    }
    for (const auto& [id, job] : model.jobs())
      if (std::string text = difference(&job, *store, id); !text.empty())
        return Difference{operations.size() - 1, "at the end, '" + id + "': " + text};
    return std::nullopt;
  }

  // The shortest story found that shows a difference, as an author reads it.
  static std::string story(Operations operations, const Difference& first) {
    operations.resize(std::min(operations.size(), first.step + 1));
    // What a disturbance brought about does not come again with fewer operations.
    const int tries = target.disturb.empty() ? 600 : 0;
    operations = shrink(
        std::move(operations), [](const Operations& shorter) { return play(shorter).has_value(); },
        tries);
    const auto difference = play(operations);
    std::string text = "shrunk to " + std::to_string(operations.size()) + " operations:\n";
    for (std::size_t i = 0; i < operations.size(); ++i)
      text += "  " + std::to_string(i + 1) + ". " + describe(operations[i]) + '\n';
    return text + (difference ? difference->text
                              : "which passed this time: it does not always "
                                "fail");
  }
};

TEST_F(StoreModel, AgreesOverRandomOperations) {
  const bool reopens = subject().durability != Durability::none;
  const Operations operations = Generator(target.seed).operations(target.steps, reopens);
  const auto difference = play(operations);
  if (!difference) return;
  FAIL() << "operation " << difference->step + 1 << " of " << operations.size() << ": "
         << difference->text << "\nrepeat with --seed " << target.seed << " --steps "
         << target.steps << " --gtest_filter=StoreModel.*\n"
         << story(operations, *difference);
}

}  // namespace
}  // namespace conformance
