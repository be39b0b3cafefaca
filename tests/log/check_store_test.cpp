#include "log/check_store.h"

#include <gtest/gtest.h>

#include "log/job.h"

namespace domed {
namespace {

// A store of one tombstone, which stands in the list and may be missing in the index of ids.
class Indexed final : public Store {
 public:
  Durability durability() const noexcept override { return Durability::none; }
  std::string incarnation() const override { return "one"; }
  std::vector<Outcome> commit(std::span<const Entry>) override { return {}; }
  std::optional<Slice> read(std::string_view, std::uint64_t, std::size_t, std::size_t,
                            Direction) const override {
    return std::nullopt;
  }
  std::optional<JobRecord> find(std::string_view id) const override {
    return in_index && id == "job" ? std::optional(record()) : std::nullopt;
  }
  JobPage list(const ListQuery& query) const override {
    JobPage page;
    if (query.tombstones && query.before == 0) page.jobs.push_back(record());
    return page;
  }

  bool in_index = true;

 private:
  static JobRecord record() {
    JobHead head;
    head.recorded = 1;
    head.head_seq = 4;
    head.first_seq = 5;
    JobRecord record;
    record.job_id = "job";
    record.head_seq = head.head_seq;
    record.first_seq = head.first_seq;
    record.tombstone = true;
    record.columns = {.created = head.recorded, .state = "queued", .tags = {}};
    record.head = head.encode();
    return record;
  }
};

std::vector<std::string> problems_of(const Store& store) {
  std::vector<std::string> problems;
  const StoreReport report = check_store(
      store, [&](const std::string& problem) { problems.push_back(problem); },
      [](const StoreReport&) {});
  EXPECT_EQ(problems.size(), report.problems);
  EXPECT_EQ(1u, report.tombstones);
  return problems;
}

TEST(CheckStore, TellsOfAJobThatIsListedAndNotFound) {
  Indexed store;
  EXPECT_EQ(std::vector<std::string>(), problems_of(store));
  store.in_index = false;
  const auto problems = problems_of(store);
  ASSERT_EQ(1u, problems.size());
  EXPECT_NE(std::string::npos, problems[0].find("'job' is listed in the store and cannot be found"))
      << problems[0];
}

}  // namespace
}  // namespace domed
