// Each guard is needed by the library that we run on, and is enough.
#include "support.h"

namespace domed::test {
namespace {

int run(std::vector<std::string> words) {
  return Process(std::move(words)).wait_exit();
}

#define SKIP_IF_MENDED(status) \
  if ((status) == 0) GTEST_SKIP() << "nng " << nng_version() << " does not have this defect"

TEST(Guard, WithoutItPeersThatLeaveEndTheListener) {
  Scratch scratch;
  const int status = run({BARE, "leave", scratch.url("c"), "1000"});
  SKIP_IF_MENDED(status);
  EXPECT_EQ(status, 3);
}

TEST(Guard, WithItPeersMayLeave) {
  Scratch scratch;
  EXPECT_EQ(run({GUARDED, "leave", scratch.url("c"), "20000"}), 0);
  EXPECT_EQ(run({GUARDED, "leave", "tcp://127.0.0.1:0", "20000"}), 0);
}

TEST(Guard, WithoutItClosingABusySocketHangs) {
  Scratch scratch;
  const int status = run({BARE, "close", scratch.url("c"), "500"});
  SKIP_IF_MENDED(status);
  EXPECT_EQ(status, 3);
}

TEST(Guard, WithItABusySocketClosesFiveHundredTimes) {
  Scratch scratch;
  EXPECT_EQ(run({GUARDED, "close", scratch.url("c"), std::to_string(scaled(500))}), 0);
}

}  // namespace
}  // namespace domed::test
