// Parity: the same operations give the same bytes from every store.
//
// DOMED_PARITY_SEED and DOMED_PARITY_STEPS repeat or lengthen a run.
#include <cstdlib>
#include <iostream>

#include "workload.h"

namespace domed::test {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value ? std::strtoull(value, nullptr, 10) : otherwise;
}

// What a run must have met, or it has shown nothing.
const std::vector<std::string> kExpected{"SubmitJob",
                                         "AppendJobEvents",
                                         "CancelJob",
                                         "TrimJob",
                                         "DeleteJob",
                                         "StreamJobEvents",
                                         "GetJobStatus",
                                         "ListJobs",
                                         "ImportJob",
                                         "restart",
                                         "E_SEALED",
                                         "E_INVALID_TRANSITION",
                                         "E_BATCH_MISMATCH",
                                         "E_BATCH_GAP",
                                         "E_UNAUTHORIZED",
                                         "E_COMPACTED",
                                         "E_CURSOR_AHEAD",
                                         "E_LOG_CHANGED",
                                         "E_NOT_FOUND",
                                         "E_GONE",
                                         "E_IDEMPOTENCY_KEY_REUSED",
                                         "E_TOO_LARGE",
                                         "E_INVALID_REQUEST",
                                         "assigned",
                                         "taken back"};

class Parity : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Parity, RandomOperationsGiveTheSameBytes) {
  const std::uint64_t seed = from_environment("DOMED_PARITY_SEED", GetParam());
  const std::uint64_t steps = from_environment("DOMED_PARITY_STEPS", 1000);
  std::cout << "seed " << seed << ", " << steps << " steps\n";
  Lockstep kernels({"store-memory", "store-sqlite"});
  Workload workload(kernels, seed);
  try {
    for (std::uint64_t i = 0; i < steps; ++i) workload.step();
    workload.check_digests();
  } catch (const Divergence& e) {
    FAIL() << "seed " << seed << ", " << e.what();
  }
  for (const auto& name : kExpected)
    EXPECT_TRUE(workload.outcomes().count(name)) << "seed " << seed << " met no " << name;
}

INSTANTIATE_TEST_SUITE_P(Seeds, Parity, ::testing::Values(1, 2, 3),
                         [](const auto& param_info) { return std::to_string(param_info.param); });

TEST(ParityLockstep, TellsOfADifference) {
  Lockstep kernels({"store-memory", "store-sqlite"});
  kernels.request("SubmitJob", {{"idempotency_key", "a"}, {"executor", "external"}});
  EXPECT_NO_THROW(kernels.request("ListJobs", Json::object()));
  // Health names the store, which is the one thing that may differ.
  EXPECT_THROW(kernels.request("Health", Json::object()), Divergence);
}

}  // namespace
}  // namespace domed::test
