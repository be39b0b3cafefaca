#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>

#include "subject.h"
#include "target.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;

void make_one(const fs::path& directory) {
  if (subject().is("store"))
    EXPECT_NE(nullptr, make_store(directory));
  else
    EXPECT_NE(nullptr, make_collector(directory));
}

std::ptrdiff_t open_descriptors() {
  return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
}

TEST(Load, IsAccepted) {
  if (subject().stage == Stage::read) FAIL() << subject().problem;
}

TEST(LoadObject, IsMade) {
  if (subject().stage == Stage::loaded)
    FAIL() << subject().problem << "\n(options are given with --set KEY=VALUE)";
}

TEST(LoadObject, LibraryMayBeLoadedAgain) {
  EXPECT_NO_THROW(domed::Plugin(domed::load_manifest(target.manifest)));
}

TEST(LoadObjects, AreMadeOneAfterTheOther) {
  const Scratch scratch;
  for (int i = 0; i < 3; ++i) make_one(scratch.path());
}

TEST(LoadObjects, LeaveNoDescriptorBehind) {
  if (!fs::exists("/proc/self/fd")) CANNOT_CHECK("there is no /proc to count descriptors in");
  const Scratch scratch;
  make_one(scratch.path());  // what is opened once and for all is open now
  const auto before = open_descriptors();
  for (int i = 0; i < 10; ++i) make_one(scratch.path());
  EXPECT_EQ(before, open_descriptors());
}

}  // namespace
}  // namespace conformance
