#include "system/named_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "domed/error.h"

namespace domed {
namespace {

class NamedFile : public testing::Test {
 protected:
  NamedFile() { mkdtemp(directory_.data()); }
  ~NamedFile() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  std::string file(mode_t mode) const {
    std::ofstream(path("file")) << "secret";
    EXPECT_EQ(chmod(path("file").c_str(), mode), 0);
    return path("file");
  }
  static std::string refusal(const std::string& path) try {
    read_secret(path);
    return "";
  } catch (const Error& e) {
    return e.what();
  }

 private:
  std::string directory_ = "/tmp/domed-named-XXXXXX";
};

TEST_F(NamedFile, IsReadWhole) {
  EXPECT_EQ(read_named(file(0644), 6), "secret");
  EXPECT_THROW(read_named(file(0644), 5), Error);
}

TEST_F(NamedFile, MayBeItsGroupsWhereItIsASecret) {
  for (const mode_t mode : {0600u, 0640u, 0400u}) EXPECT_EQ(read_secret(file(mode)), "secret");
}

TEST_F(NamedFile, IsRefusedWhereASecretIsOpenToOthers) {
  for (const mode_t mode : {0644u, 0604u, 0602u})
    EXPECT_TRUE(refusal(file(mode)).starts_with(path("file") + " holds a secret and is open to"));
}

TEST_F(NamedFile, IsNamedWhereItIsNone) {
  EXPECT_EQ(
      refusal(path("none")),
      "cannot read " + path("none") +
          ": No such file or directory: name a file that is there and that this user may read");
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  for (const std::string& odd : {path("pipe"), path(""), std::string("/dev/null")})
    EXPECT_EQ(refusal(odd), odd + " is no regular file: name one");
}

}  // namespace
}  // namespace domed
