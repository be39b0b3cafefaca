#include "system/own_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>

#include "domed/error.h"

namespace domed {
namespace {

class OwnFileTest : public testing::Test {
 protected:
  OwnFileTest() { mkdtemp(directory_.data()); }
  ~OwnFileTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  // Why "name" is not read; "" where it is.
  std::string refusal(const std::string& name, std::size_t most = 100) const try {
    read_own(path(name), most);
    return "";
  } catch (const Error& e) {
    EXPECT_EQ(Code::unsupported, e.code()) << e.what();
    EXPECT_NE(std::string::npos, std::string(e.what()).find(path(name))) << e.what();
    return e.what();
  }

  std::string directory_ = "/tmp/domed-own-XXXXXX";
};

TEST_F(OwnFileTest, IsReadAsItWasWritten) {
  write_own(path("a"), "bytes");
  write_own(path("a"), std::string("others\0", 7), true);
  EXPECT_EQ(std::string("others\0", 7), read_own(path("a")));
  struct stat info;
  ASSERT_EQ(0, stat(path("a").c_str(), &info));
  EXPECT_EQ(0600u, info.st_mode & 0777u);
  EXPECT_FALSE(std::filesystem::exists(path("a.tmp")));
}

TEST_F(OwnFileTest, IsEmptyWhereThereIsNone) {
  EXPECT_EQ("", read_own(path("none")));
  EXPECT_FALSE(open_own(path("none"), O_RDONLY));
  EXPECT_FALSE(open_own(path("no/directory"), O_RDWR | O_CREAT));
}

TEST_F(OwnFileTest, IsNothingElse) {
  ASSERT_EQ(0, mkfifo(path("fifo").c_str(), 0600));
  std::filesystem::create_directory(path("directory"));
  write_own(path("target"), "x");
  std::filesystem::create_symlink(path("target"), path("link"));
  std::filesystem::create_symlink("/dev/zero", path("zero"));
  EXPECT_NE(std::string::npos, refusal("fifo").find("is a FIFO"));
  EXPECT_NE(std::string::npos, refusal("directory").find("is a directory"));
  EXPECT_NE(std::string::npos, refusal("link").find("is a link"));
  EXPECT_NE(std::string::npos, refusal("zero").find("is a link"));
  EXPECT_THROW(lock_own(path("fifo")), Error);
  EXPECT_THROW(open_own(path("link"), O_RDWR | O_CREAT), Error);
}

TEST_F(OwnFileTest, HasABound) {
  write_own(path("a"), std::string(101, 'x'));
  EXPECT_NE(std::string::npos, refusal("a").find("more than the 100 bytes"));
  EXPECT_EQ("", refusal("a", 101));
}

TEST_F(OwnFileTest, OfAnotherUserOrADeviceIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make these";
  write_own(path("theirs"), "x");
  ASSERT_EQ(0, chown(path("theirs").c_str(), 65534, 65534));
  EXPECT_NE(std::string::npos, refusal("theirs").find("belongs to user 65534"));
  if (mknod(path("device").c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0)
    GTEST_SKIP() << "this machine lets nobody make a device";
  EXPECT_NE(std::string::npos, refusal("device").find("is a device"));
  EXPECT_THROW(write_own(path("device"), "x"), Error);
  EXPECT_NE(std::string::npos, refusal("device").find("is a device")) << "it was replaced";
}

TEST_F(OwnFileTest, TakesThePlaceOfALinkAndLeavesItsTarget) {
  write_own(path("target"), "x");
  for (const char* name : {"a", "a.tmp"})
    std::filesystem::create_symlink(path("target"), path(name));
  write_own(path("a"), "mine");
  EXPECT_EQ("mine", read_own(path("a")));
  EXPECT_EQ("x", read_own(path("target")));
}

TEST_F(OwnFileTest, IsLockedOnce) {
  const auto lock = lock_own(path("lock"));
  ASSERT_TRUE(lock && *lock);
  EXPECT_FALSE(lock_own(path("lock")));
}

TEST_F(OwnFileTest, TellsWhetherItIsLockedWithoutTakingIt) {
  EXPECT_FALSE(is_locked(path("lock")));
  auto lock = lock_own(path("lock"));
  EXPECT_TRUE(is_locked(path("lock")));
  write_own(path("other"), "");
  EXPECT_FALSE(is_locked(path("other")));
  lock.reset();
  EXPECT_FALSE(is_locked(path("lock")));
}

}  // namespace
}  // namespace domed
