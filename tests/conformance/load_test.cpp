#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>

#include "plugin_under_test.h"
#include "target.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;

bool is_store() {
  return plugin().manifest().kind == "store";
}

void make_one(const fs::path& directory) {
  if (is_store())
    EXPECT_NE(nullptr, make_store(directory));
  else
    EXPECT_NE(nullptr, make_collector(directory));
}

std::ptrdiff_t open_descriptors() {
  return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
}

TEST(Load, MayBeLoadedAgain) {
  EXPECT_NO_THROW(domed::Plugin(domed::load_manifest(target.manifest)));
}

TEST(Load, MakesAnObject) {
  const Scratch scratch;
  make_one(scratch.path());
}

TEST(Load, MakesAnotherAfterTheFirstIsGone) {
  const Scratch scratch;
  for (int i = 0; i < 3; ++i) make_one(scratch.path());
}

TEST(Load, ObjectsLeaveNoDescriptorBehind) {
  if (!fs::exists("/proc/self/fd")) CANNOT_CHECK("there is no /proc to count descriptors in");
  const Scratch scratch;
  make_one(scratch.path());  // what is opened once and for all is open now
  const auto before = open_descriptors();
  for (int i = 0; i < 10; ++i) make_one(scratch.path());
  EXPECT_EQ(before, open_descriptors());
}

}  // namespace
}  // namespace conformance
