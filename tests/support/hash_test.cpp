#include "domed/support/hash.h"

#include <gtest/gtest.h>

namespace domed {
namespace {

TEST(Sha256, KnowsTheAnswersOfTheStandard) {
  EXPECT_EQ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", sha256_hex(""));
  EXPECT_EQ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", sha256_hex("abc"));
}

TEST(Sha256, ContinuesFromARestoredState) {
  for (std::size_t cut = 0; cut <= 200; cut += 7) {
    const std::string text(200, 'x');
    Sha256 first, second;
    first.update(std::string_view(text).substr(0, cut));
    ASSERT_TRUE(second.restore(first.state()));
    second.update(std::string_view(text).substr(cut));
    EXPECT_EQ(sha256_hex(text), to_hex(second.digest())) << "cut at " << cut;
  }
}

TEST(Sha256, RefusesAStateThatIsNone) {
  Sha256 hash;
  EXPECT_FALSE(hash.restore("short"));
  EXPECT_FALSE(hash.restore(std::string(104, 'x')));
}

TEST(Base64, KeepsEveryByte) {
  std::string all, back;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (std::size_t n = 0; n <= all.size(); ++n) {
    ASSERT_TRUE(from_base64(to_base64(all.substr(0, n)), back));
    ASSERT_EQ(all.substr(0, n), back);
  }
}

TEST(Base64, RefusesWhatIsNotPaddedBase64) {
  std::string out;
  for (const char* bad : {"a", "abc", "ab=c", "ab c", "abc\n", "====", "a!==", "abcd=", "ab\tc"})
    EXPECT_FALSE(from_base64(bad, out)) << bad;
}

TEST(RandomHex, IsFreshEachTime) {
  EXPECT_EQ(32u, random_hex(16).size());
  EXPECT_NE(random_hex(16), random_hex(16));
}

}  // namespace
}  // namespace domed
