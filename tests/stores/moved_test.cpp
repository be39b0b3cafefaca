#include "scratch.h"

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

TEST_F(SqliteMoved, GoesOnWhereTheFilesComeBack) {
  fs::rename(home_, directory() / "elsewhere");
  error_of([&] { append(*store_, "j", 5, 1); });
  fs::rename(directory() / "elsewhere", home_);
  append(*store_, "j", 5, 1);
  EXPECT_EQ(6u, head_of(*store_, "j"));
}

}  // namespace
}  // namespace store_tests
