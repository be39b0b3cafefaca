#include "loader/facets.h"

#include <gtest/gtest.h>

#include "loader/fence.h"

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
  std::vector<EntryResult> commit(std::span<const Entry>) override { return {}; }
  std::optional<Slice> read(std::string_view, std::uint64_t, std::size_t,
                            std::size_t) const override {
    return std::nullopt;
  }
  std::optional<JobRecord> find(std::string_view) const override { return std::nullopt; }
  std::vector<JobRecord> list(const ListQuery&) const override { return {}; }
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
      "1.0 (did you mean 'fast'?); known: fast",
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

}  // namespace
}  // namespace domed
