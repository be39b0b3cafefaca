#include "view.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "scratch.h"

namespace domed::git {
namespace {

namespace fs = std::filesystem;

using LeftViews = Scratch;

// What a process left that was ended in the middle of a look goes with the next one's first; what
// somebody may still look through, or what is no view of ours, stays.
TEST_F(LeftViews, GoOnceNobodyLooksThroughThem) {
  const auto make = [&](const std::string& name, bool old) {
    const std::string path = root + "/" + name;
    fs::create_directories(path + "/objects");
    std::ofstream(path + "/config") << "[core]\n";
    const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
    if (old && utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) ADD_FAILURE() << path;
    return path;
  };
  const std::string left = make("domed-view-left", true), young = make("domed-view-young", false);
  const std::string used = make("domed-view-used", true), other = make("other", true);
  const std::string target = make("target", true), link = root + "/domed-view-link";
  fs::create_directory_symlink(target, link);
  const int lock = open(used.c_str(), O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(flock(lock, LOCK_SH | LOCK_NB), 0);
  remove_left_views(root);
  close(lock);
  EXPECT_FALSE(fs::exists(left));
  for (const auto& path : {young, used, other, target + "/config", link})
    EXPECT_TRUE(fs::exists(path)) << path;
}

TEST_F(LeftViews, OneThatIsLookedThroughIsHeld) {
  const View view;
  const int directory = open(view.path().c_str(), O_DIRECTORY | O_CLOEXEC);
  EXPECT_NE(flock(directory, LOCK_EX | LOCK_NB), 0);
  close(directory);
}

}  // namespace
}  // namespace domed::git
