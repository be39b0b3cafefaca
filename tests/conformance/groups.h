#pragma once

#include <string>
#include <vector>

#include "subject.h"

namespace conformance {

// Tests that make sense for some plugins only.
struct Group {
  const char* name;
  const char* tests;  // as in --gtest_filter
  Stage needs;
  const char* kind = "";        // empty: any
  bool durable = false;         // only where the store is more than Durability::none
  bool files = false;           // only where the suite gave the plugin a place for files
  const char* capability = "";  // empty: any
  bool disturbed = false;       // only where there is a command for --disturb
  bool shared = false;          // only where several objects may have one place open
};

struct NotRun {
  const Group* group;
  std::string reason;
};

// The groups that are not for "subject", each with its reason: decided before
// the run from what the plugin says of itself, so that every skip that remains
// is one of the machine's.
std::vector<NotRun> groups_not_run(const Subject& subject);

}  // namespace conformance
