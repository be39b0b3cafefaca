#include <gtest/gtest.h>

#include <set>

#include "subject.h"

namespace conformance {
namespace {

TEST(Manifest, IsWellFormed) {
  if (subject().stage == Stage::named) FAIL() << subject().problem;
}

TEST(ManifestContent, SaysWhatThePluginIsFor) {
  EXPECT_EQ(std::string::npos, subject().manifest->summary.find('\n')) << "the summary is one line";
}

TEST(ManifestContent, IsForThisInterface) {
  EXPECT_EQ(DOMED_ABI_MAJOR, subject().manifest->abi);
}

TEST(ManifestContent, NamesNoCapabilityTwice) {
  const auto& capabilities = subject().manifest->capabilities;
  const std::set<std::string> unique(capabilities.begin(), capabilities.end());
  EXPECT_EQ(capabilities.size(), unique.size());
}

}  // namespace
}  // namespace conformance
