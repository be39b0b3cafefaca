#pragma once

#include <gtest/gtest.h>

namespace conformance {

// Ends the program where a test hangs, and says which: a store that deadlocks
// is a finding like any other.
class Watchdog final : public ::testing::EmptyTestEventListener {
 public:
  // Begins watching what "name" says; it must end, or another begin, soon.
  static void watch(const char* name);
  static void rest();

 private:
  void OnTestStart(const ::testing::TestInfo& test) override;
  void OnTestEnd(const ::testing::TestInfo&) override { rest(); }
};

}  // namespace conformance
