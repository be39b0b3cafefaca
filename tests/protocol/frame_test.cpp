#include "protocol/frame.h"

#include <gtest/gtest.h>

namespace domed {
namespace {

TEST(Frame, IsReadWithItsLines) {
  Frame frame;
  ASSERT_TRUE(
      read_frame("job/j\n{\"log_id\":\"l\",\"first\":2,\"head\":3,\"state\":\"running\","
                 "\"epoch\":\"e\"}\n{\"a\":1}\n{\"b\":2}\n",
                 "job/j\n", frame));
  EXPECT_EQ((std::vector<std::string_view>{R"({"a":1})", R"({"b":2})"}), frame.lines);
  EXPECT_EQ(2u, frame.first);
  EXPECT_EQ(3u, frame.head);
  EXPECT_EQ("e", frame.epoch);
}

TEST(Frame, OfTheDaemonOrOfAnotherJobIsToldApart) {
  Frame frame;
  EXPECT_TRUE(read_frame("daemon\n{\"epoch\":\"x\",\"time\":\"t\"}\n", "job/j\n", frame));
  EXPECT_TRUE(frame.daemon);
  EXPECT_FALSE(read_frame("job/j0\n{}\n", "job/j\n", frame));
  EXPECT_FALSE(read_frame("job/j\nnonsense\n", "job/j\n", frame));
  EXPECT_FALSE(read_frame("", "job/j\n", frame));
}

}  // namespace
}  // namespace domed
