#include "jobs/state_dir.h"

#include <fstream>

#include "domed/error.h"
#include "support/harness.h"

namespace domed::test {
namespace {

TEST(NodeId, IsMadeOnceAndKept) {
  Scratch one, other;
  const std::string id = node_id(one.path());
  EXPECT_EQ(32u, id.size());
  EXPECT_EQ(std::string::npos, id.find_first_not_of("0123456789abcdef")) << id;
  EXPECT_EQ(id, node_id(one.path()));
  EXPECT_NE(id, node_id(other.path()));
}

TEST(NodeId, IsNoOtherThanWhatWasMade) {
  Scratch scratch;
  for (const char* text : {"\n", "short\n", "0123456789ABCDEF0123456789abcdef\n"}) {
    std::ofstream(scratch.path() / "node_id") << text;
    EXPECT_THROW(node_id(scratch.path()), Error) << text;
  }
}

}  // namespace
}  // namespace domed::test
