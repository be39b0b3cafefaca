#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "plugin_under_test.h"
#include "target.h"

namespace conformance {
namespace {

const domed::Manifest& manifest() {
  return plugin().manifest();
}

TEST(Manifest, SaysWhatThePluginIsFor) {
  EXPECT_FALSE(manifest().summary.empty());
  EXPECT_EQ(std::string::npos, manifest().summary.find('\n')) << "the summary is one line";
  EXPECT_FALSE(manifest().license.empty());
}

TEST(Manifest, IsForThisInterface) {
  EXPECT_EQ(DOMED_ABI_MAJOR, manifest().abi);
}

TEST(Manifest, DescribesEveryOption) {
  for (const auto& option : manifest().options)
    EXPECT_FALSE(option.description.empty()) << option.name;
}

TEST(Manifest, NamesNoCapabilityTwice) {
  const auto& capabilities = manifest().capabilities;
  const std::set<std::string> unique(capabilities.begin(), capabilities.end());
  EXPECT_EQ(capabilities.size(), unique.size());
}

}  // namespace
}  // namespace conformance
