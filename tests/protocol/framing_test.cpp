#include "protocol/sp/framing.h"

#include <gtest/gtest.h>

#include <random>

namespace domed::sp {
namespace {

using Messages = std::vector<std::string>;

std::string message(Carrier carrier, const std::string& body) {
  return std::string(header(carrier, body.size()).view()) + body;
}

TEST(Sp, SaysHelloAsNngDoes) {
  EXPECT_EQ(hello(Role::req), std::string("\0SP\0\0\x30\0\0", 8));
  EXPECT_EQ(role_of(hello(Role::sub)), Role::sub);
  EXPECT_FALSE(role_of(std::string("\0SP\0\0\x10\0\0", 8)));  // a role that nobody here talks to
  EXPECT_FALSE(role_of("GET / HT"));
  EXPECT_FALSE(role_of(""));
}

class Split : public testing::TestWithParam<Carrier> {};

// However the bytes are cut.
TEST_P(Split, GivesBackWhatWasPutTogether) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    Messages in, out;
    std::string stream;
    for (auto count = random() % 6; count > 0; --count) {
      in.emplace_back(random() % 3 ? random() % 40 : random() % 200'000, 'x');
      stream += message(GetParam(), in.back());
    }
    Splitter splitter(GetParam(), 200'000);
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t part = 1 + random() % (random() % 2 ? 12 : 70'000);
      ASSERT_EQ(splitter.take(std::string_view(stream).substr(at, part), out),
                Splitter::Fault::none);
      at += part;
    }
    EXPECT_EQ(in, out);
    EXPECT_FALSE(splitter.midway());
  }
}

TEST_P(Split, RefusesALongerMessageThanMayBeAndTakesNoneAfterIt) {
  Splitter splitter(GetParam(), 3);
  Messages out;
  EXPECT_EQ(splitter.take(message(GetParam(), "abc"), out), Splitter::Fault::none);
  EXPECT_EQ(splitter.take(header(GetParam(), 1ull << 40).view(), out), Splitter::Fault::too_large);
  EXPECT_EQ(splitter.take(message(GetParam(), "a"), out), Splitter::Fault::too_large);
  EXPECT_EQ(out, Messages{"abc"});
}

TEST_P(Split, TakesNoMemoryForWhatIsOnlyAnnounced) {
  Splitter splitter(GetParam(), ~std::size_t{0});
  Messages out;
  EXPECT_EQ(splitter.take(header(GetParam(), 1ull << 50).view(), out), Splitter::Fault::none);
  EXPECT_TRUE(splitter.midway());
}

INSTANTIATE_TEST_SUITE_P(Over, Split, testing::Values(Carrier::ipc, Carrier::stream),
                         [](const auto& carrier) {
                           return carrier.param == Carrier::ipc ? "ipc" : "stream";
                         });

TEST(Sp, RefusesAnotherTypeOfMessageAtItsFirstByte) {
  Splitter splitter(Carrier::ipc, 100);
  Messages out;
  EXPECT_EQ(splitter.take(std::string_view("\2", 1), out), Splitter::Fault::no_message);
}

TEST(Sp, FindsTheEndOfABacktrace) {
  const std::string device("\0\0\0\1", 4), id("\x80\0\0\1", 4);
  EXPECT_EQ(backtrace(id + "body").bytes, 4u);
  EXPECT_EQ(backtrace(device + device + id).bytes, 12u);
  EXPECT_EQ(backtrace("").kind, Backtrace::Kind::cut_short);
  EXPECT_EQ(backtrace(device + "\x80").kind, Backtrace::Kind::cut_short);
  std::string far;
  for (int i = 0; i < 7; ++i) far += device;
  EXPECT_EQ(backtrace(far + id).bytes, 32u);
  EXPECT_EQ(backtrace(far + device + id).kind, Backtrace::Kind::too_long);
}

}  // namespace
}  // namespace domed::sp
