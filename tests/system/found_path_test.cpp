#include "system/found_path.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "domed/error.h"

namespace domed {
namespace {

namespace fs = std::filesystem;

class FoundPathTest : public ::testing::Test {
 protected:
  FoundPathTest() {
    std::string name = (fs::temp_directory_path() / "domed-place-XXXXXX").string();
    root = fs::canonical(mkdtemp(name.data()));
    fs::create_directories(root / "in/deep");
    fs::create_directory(root / "out");
    for (const char* file : {"in/file", "out/file"}) std::ofstream(root / file) << file;
  }
  ~FoundPathTest() override { fs::remove_all(root); }

  bool is_inside(const std::string& path) const {
    return FoundPath(root / path).is_in(FoundPath(root / "in"));
  }
  std::string refusal(const std::string& path) const {
    try {
      FoundPath(path).open_file();
      return "";
    } catch (const Error& e) {
      return e.what();
    }
  }
  fs::path root;
};

TEST_F(FoundPathTest, IsWhereThePathLeadsWhateverItLooksLike) {
  fs::create_directory_symlink(root / "out", root / "in/away");
  fs::create_directory_symlink("deep", root / "in/near");
  fs::create_directory_symlink(root / "in/deep", root / "out/back");
  fs::create_directory_symlink("../../out", root / "in/deep/up");
  for (const char* path : {"in", "in/deep", "in/./deep//", "in/near", "out/back", "in/file"})
    EXPECT_TRUE(is_inside(path)) << path;
  for (const char* path : {"out", "in/away", "in/away/file", "in/../out", "in/deep/up", "in/.."})
    EXPECT_FALSE(is_inside(path)) << path;
}

TEST_F(FoundPathTest, OpensTheRegularFileThatWasFound) {
  fs::create_symlink(root / "in/file", root / "link");
  char text[8] = {};
  EXPECT_EQ(7, read(FoundPath(root / "link").open_file().get(), text, sizeof text));
  EXPECT_STREQ("in/file", text);
}

TEST_F(FoundPathTest, StaysTheSameWhenItsPathIsTurnedElsewhere) {
  const FoundPath place(root / "in/deep");
  fs::rename(root / "in", root / "was");
  fs::create_directory_symlink(root / "out", root / "in");
  EXPECT_TRUE(place.is_in(FoundPath(root / "was")));
  EXPECT_FALSE(place.is_in(FoundPath(root / "out")));
}

TEST_F(FoundPathTest, RefusesAFileThatTookThePlaceOfTheOneFound) {
  const FoundPath place(root / "in/file");
  fs::rename(root / "out/file", root / "in/file");
  EXPECT_THROW(place.open_file(), Error);
}

TEST_F(FoundPathTest, NeverWaitsAndReadsNothingButRegularFiles) {
  mkfifo((root / "fifo").c_str(), 0600);
  EXPECT_NE(std::string::npos, refusal(root / "fifo").find("not a regular file"));
  EXPECT_NE(std::string::npos, refusal(root / "in").find("not a regular file"));
  EXPECT_NE(std::string::npos, refusal("/").find("not a regular file"));
}

TEST_F(FoundPathTest, LooksAtNothingThatMeansAnotherThingToEachProcess) {
  const std::string pid = std::to_string(getpid());
  const std::string fd = std::to_string(FoundPath(root / "in/file").get());
  fs::create_symlink("/proc/self/environ", root / "link");
  for (const std::string& path :
       {std::string("/proc/self/environ"), "/proc/" + pid + "/environ", std::string("/dev/stdin"),
        std::string("/dev/fd/0"), "/proc/self/fd/" + fd, std::string("/proc/self/root/etc/passwd"),
        (root / "link").string()})
    EXPECT_NE(std::string::npos, refusal(path).find("/proc")) << path << ": " << refusal(path);
}

TEST_F(FoundPathTest, FollowsNoLinkThatAnotherUserOwns) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make a link that is another user's";
  fs::create_symlink(root / "in/file", root / "link");
  ASSERT_EQ(0, lchown((root / "link").c_str(), 4242, 4242));
  EXPECT_NE(std::string::npos, refusal(root / "link").find("another user owns"));
}

TEST_F(FoundPathTest, EndsInACircle) {
  fs::create_symlink("b", root / "a");
  fs::create_symlink("a", root / "b");
  EXPECT_NE(std::string::npos, refusal(root / "a").find("symbolic links"));
}

TEST_F(FoundPathTest, TellsWhatIsMissing) {
  for (const char* path : {"none", "in/file/x", "in/none/../file"}) try {
      FoundPath(root / path);
      ADD_FAILURE() << path;
    } catch (const Error& e) {
      EXPECT_EQ(Code::not_found, e.code()) << path;
    }
}

TEST(PathText, IsComparedPartByPart) {
  EXPECT_TRUE(is_written_below("/a/b", "/a"));
  EXPECT_TRUE(is_written_below("/a//./b", "/a/"));
  EXPECT_TRUE(is_written_below("/a", "/"));
  EXPECT_FALSE(is_written_below("/ab", "/a"));
  EXPECT_FALSE(is_written_below("/a", "/a/b"));
  EXPECT_TRUE(goes_up("/a/../b"));
  EXPECT_TRUE(goes_up("/a/.."));
  EXPECT_FALSE(goes_up("/a/..b/c..."));
}

}  // namespace
}  // namespace domed
