#include <fstream>

#include "scratch.h"
#include "store-sqlite/place_watch.h"

namespace store_tests {
namespace {

using domed::Code;
namespace fs = std::filesystem;

// Somebody takes the files away from under a running store: what then went into
// them would be lost, so nothing may be acknowledged.
class SqliteMoved : public SqliteTest {
 protected:
  void SetUp() override {
    fs::create_directory(home_);
    store_ = open_at(home_);
    append(*store_, "j", 0, 5);
  }

  static std::unique_ptr<domed::StoreSqlite> open_at(const fs::path& directory) {
    domed::StoreSqlite::Settings settings;
    settings.path = (directory / "domed.db").string();
    return std::make_unique<domed::StoreSqlite>(settings);
  }

  void expect_refusal(const std::string& name) {
    for (int i = 0; i < 2; ++i) {
      const auto error = error_of([&] { append(*store_, "j", 5, 1); });
      EXPECT_EQ(Code::io, error.code());
      expect_part((home_ / name).string() + " was removed or replaced", error.what());
    }
    EXPECT_EQ(5u, head_of(*store_, "j")) << "what was refused is there";
  }

  const fs::path home_ = directory() / "home";
  std::unique_ptr<domed::StoreSqlite> store_;
};

TEST_F(SqliteMoved, RemovedDirectoryIsNoticed) {
  fs::remove_all(home_);
  expect_refusal("domed.db");
}

TEST_F(SqliteMoved, RenamedDirectoryIsNoticed) {
  fs::rename(home_, directory() / "elsewhere");
  expect_refusal("domed.db");
  store_.reset();
  EXPECT_EQ(5u, head_of(*open_at(directory() / "elsewhere"), "j"));
}

TEST_F(SqliteMoved, ReplacedDatabaseIsNoticed) {
  fs::copy_file(home_ / "domed.db", home_ / "copy");
  fs::rename(home_ / "copy", home_ / "domed.db");
  expect_refusal("domed.db");
}

TEST_F(SqliteMoved, RemovedLogIsNoticed) {
  fs::remove(home_ / "domed.db-wal");
  expect_refusal("domed.db-wal");
}

TEST_F(SqliteMoved, ADirectoryFarAboveIsNoticed) {
  const fs::path deep = directory() / "a" / "b" / "c";
  fs::create_directories(deep);
  store_ = open_at(deep);
  append(*store_, "j", 0, 5);
  fs::rename(directory() / "a", directory() / "other");
  EXPECT_EQ(Code::io, error_of([&] { append(*store_, "j", 5, 1); }).code());
}

// The file is there, under another name.
TEST_F(SqliteMoved, ARemovedNameIsNoticed) {
  fs::create_hard_link(home_ / "domed.db", home_ / "kept");
  append(*store_, "j", 5, 1);
  fs::remove(home_ / "domed.db");
  EXPECT_EQ(Code::io, error_of([&] { append(*store_, "j", 6, 1); }).code());
  fs::create_hard_link(home_ / "kept", home_ / "domed.db");
  append(*store_, "j", 6, 1);
  fs::remove(home_ / "domed.db");
  EXPECT_EQ(Code::io, error_of([&] { append(*store_, "j", 7, 1); }).code());
}

// Each time, and whatever directory they come back in.
TEST_F(SqliteMoved, GoesOnWhereTheFilesComeBack) {
  for (std::uint64_t head = 5; head < 8; ++head) {
    fs::rename(home_, directory() / "elsewhere");
    EXPECT_EQ(Code::io, error_of([&] { append(*store_, "j", head, 1); }).code());
    fs::create_directory(home_);
    for (const auto& file : fs::directory_iterator(directory() / "elsewhere"))
      fs::rename(file.path(), home_ / file.path().filename());
    fs::remove(directory() / "elsewhere");
    append(*store_, "j", head, 1);
    EXPECT_EQ(head + 1, head_of(*store_, "j"));
  }
}

TEST(PlaceWatch, SaysSomethingOnlyWhereSomethingHappened) {
  const fs::path home = fs::path(::testing::TempDir()) / "place-watch";
  fs::create_directories(home);
  std::ofstream(home / "file");
  domed::PlaceWatch watch;
  watch.watch({(home / "file").string()});
  ASSERT_TRUE(watch.stirred()) << "nobody has looked yet";
  watch.looked();
  while (watch.stirred()) watch.looked();  // a look may be due by its time
  std::ofstream(home / "file") << "it is written, and others come and go";
  std::ofstream(home / "another");
  fs::remove(home / "another");
  while (watch.stirred()) watch.looked();
  fs::rename(home / "file", home / "moved");
  EXPECT_TRUE(watch.stirred());
  EXPECT_TRUE(watch.stirred()) << "until somebody saw it";
  fs::remove_all(home);
}

}  // namespace
}  // namespace store_tests
