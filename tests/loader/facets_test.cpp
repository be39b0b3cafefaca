#include "loader/facets.h"

#include <gtest/gtest.h>

#include "loader/fence.h"
#include "support/scratch.h"

namespace domed {
namespace {

// A facet and stores with and without it: this interface has none of its own yet.
class Fast {
 public:
  virtual ~Fast() = default;
  virtual int speed() const { return 7; }
};
constexpr Facet kKnown[] = {facet<Fast>("fast")};

class PlainStore : public Store {
 public:
  Durability durability() const noexcept override { return Durability::none; }
  std::string incarnation() const override { return "only"; }
  std::vector<Outcome> commit(std::span<const Entry>) override { return {}; }
  std::optional<Slice> read(std::string_view, std::uint64_t, std::size_t, std::size_t,
                            Direction) const override {
    return std::nullopt;
  }
  std::optional<JobRecord> find(std::string_view) const override { return std::nullopt; }
  JobPage list(const ListQuery&) const override { return {}; }
};
class FastStore final : public PlainStore, public Fast {};

TEST(Facets, AnnouncedAndFoundAgree) {
  EXPECT_EQ("", facet_mismatch({"fast"}, FastStore(), kKnown));
  EXPECT_EQ("", facet_mismatch({}, PlainStore(), kKnown));
}

TEST(Facets, AnnouncedButAbsentIsAMismatch) {
  EXPECT_EQ(
      "its manifest announces the capability 'fast', its store does not derive from that "
      "interface",
      facet_mismatch({"fast"}, PlainStore(), kKnown));
}

TEST(Facets, PresentButSilentIsAMismatch) {
  EXPECT_EQ(
      "its store has the facet 'fast', its manifest does not announce it; add it to "
      "'capabilities'",
      facet_mismatch({}, FastStore(), kKnown));
}

TEST(Facets, UnknownNamesAreAMismatch) {
  EXPECT_EQ(
      "its manifest announces the capability 'fasd', which is no facet of a store in abi "
      "2.0 (did you mean 'fast'?); known: fast",
      facet_mismatch({"fast", "fasd"}, FastStore(), kKnown));
  EXPECT_EQ("", unknown_facet({"fast"}, kKnown));
}

TEST(Facets, AreFoundBehindTheFence) {
  const auto store = fenced(std::make_unique<FastStore>(), Fence("store-x", {}));
  EXPECT_EQ(nullptr, dynamic_cast<Fast*>(store.get()));
  auto* fast = dynamic_cast<Fast*>(&unfenced(*store));
  ASSERT_NE(nullptr, fast);
  EXPECT_EQ(7, fast->speed());
}

// Says what it is asked, and fails as no plugin may.
class FullStore final : public PlainStore, public Backup, public Watch, public Leases {
 public:
  void backup(int, Progress&) const override { throw std::runtime_error("no hunter2"); }
  void restore(int, Progress&) override { throw Error(Code::unsupported, "no copy of hunter2"); }
  Changes wait(const std::string& cursor, std::chrono::milliseconds) override {
    return {{}, cursor + "+", true};
  }
  void interrupt() override { throw 42; }
  bool acquire(std::string_view, std::string_view, std::chrono::milliseconds,
               std::string_view) override {
    return true;
  }
  bool renew(std::string_view, std::string_view, std::chrono::milliseconds,
             std::string_view) override {
    return false;
  }
  void release(std::string_view, std::string_view) override { throw 42; }
  std::vector<Lease> held(std::string_view) const override { throw std::runtime_error("away"); }
};

class NoProgress final : public Progress {
 public:
  bool at(std::uint64_t, std::uint64_t) override { return true; }
};

TEST(Facets, AreFencedAsTheStoreIs) {
  const auto store = fenced(std::make_unique<FullStore>(), Fence("store-x", {"hunter2"}));
  NoProgress progress;
  const auto text = [](auto&& action) { return testing::error_of(action); };
  EXPECT_EQ("the plugin 'store-x' failed in backup(): no ***",
            text([&] { backup_of(*store)->backup(1, progress); }));
  EXPECT_EQ("no copy of ***", text([&] { backup_of(*store)->restore(1, progress); }));
  EXPECT_EQ("c+", watch_of(*store)->wait("c", {}).cursor);
  EXPECT_EQ(
      "the plugin 'store-x' failed in interrupt(): it threw something that is no "
      "std::exception",
      text([&] { watch_of(*store)->interrupt(); }));
  EXPECT_TRUE(leases_of(*store)->acquire("n", "h", {}, ""));
  EXPECT_FALSE(leases_of(*store)->renew("n", "h", {}, ""));
  EXPECT_NE("", text([&] { leases_of(*store)->release("n", "h"); }));
  EXPECT_EQ("the plugin 'store-x' failed in held(): away",
            text([&] { leases_of(*store)->held("n"); }));
}

TEST(Facets, ThatAStoreDoesNotHaveAreNull) {
  const auto store = fenced(std::make_unique<PlainStore>(), Fence("store-x", {}));
  EXPECT_FALSE(backup_of(*store) || watch_of(*store) || leases_of(*store));
}

}  // namespace
}  // namespace domed
