#include "store-memory/store_memory.h"

#include "scratch.h"

namespace store_tests {
namespace {

// Small appends share a chunk and large ones do not; a reader cannot tell.
TEST(MemoryChunks, AreInvisible) {
  domed::StoreMemory memory;
  domed::Store& store = memory;
  std::uint64_t head = 0;
  for (const std::size_t size : {10, 60'000, 10, 10, 60'000, 500'000, 10}) {
    append(store, "j", head, 1, size);
    const auto slice = store.read("j", ++head, 1, 1);
    EXPECT_EQ(size + 1, slice->events.size());
    EXPECT_EQ(head, slice->from);
  }
  EXPECT_EQ(head, store.read("j", 1, 100, 1 << 30)->ends.size());
}

TEST(MemoryChunks, MayBeCutAndFilledAgain) {
  domed::StoreMemory memory;
  domed::Store& store = memory;
  append(store, "j", 0, 10);
  const std::string expected = revision_of(store, "j");
  const std::string revision = new_revision();
  const domed::Entry trim{.action = domed::Entry::Action::trim,
                          .job_id = "j",
                          .expected_revision = expected,
                          .revision = revision,
                          .first_seq = 8};
  store.commit({&trim, 1});
  append(store, "j", 10, 2);
  EXPECT_EQ(5u, store.read("j", 1, 100, 1000)->ends.size());
  EXPECT_EQ(8u, store.read("j", 1, 100, 1000)->from);
}

}  // namespace
}  // namespace store_tests
