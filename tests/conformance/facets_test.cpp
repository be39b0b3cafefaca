#include "loader/facets.h"

#include <gtest/gtest.h>

#include "subject.h"
#include "target.h"

namespace conformance {
namespace {

TEST(Facets, AnnouncedAreKnown) {
  EXPECT_EQ("", domed::unknown_facet(subject().manifest->capabilities, domed::facets()));
}

TEST(FacetsObject, AnnouncedIfAndOnlyIfFound) {
  const Scratch scratch;
  const auto store = make_store(scratch.path());
  EXPECT_EQ("", domed::facet_mismatch(subject().manifest->capabilities, plugin_object(*store),
                                      domed::facets()));
}

}  // namespace
}  // namespace conformance
