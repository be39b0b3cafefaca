#include "search/masks.h"

#include <gtest/gtest.h>

#include <random>

namespace domed {
namespace {

std::string masked(const Masks& masks, const std::string& text) {
  std::uint64_t count = 0;
  return masks.masked(text, count);
}

// "text" in chunks of "size" bytes.
std::string in_chunks(const Masks& masks, const std::string& text, std::size_t size) {
  MaskedStream stream(masks);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += size) stream.feed(text.substr(at, size), out);
  stream.release(out);
  return out;
}

TEST(Masks, SecretsBecomeStars) {
  const Masks masks({"hunter22", "", "sesame!"}, {});
  EXPECT_EQ("a *** b *** c", masked(masks, "a hunter22 b sesame! c"));
  EXPECT_EQ("******", masked(masks, "hunter22sesame!"));
  EXPECT_EQ("hunter2", masked(masks, "hunter2"));
  EXPECT_EQ("", masked(masks, ""));
  EXPECT_EQ("abc", masked(Masks(), "abc"));
}

// Half a secret behind another's mask would tell the rest of it.
TEST(Masks, OverlappingSecretsAreMaskedTogether) {
  const Masks masks({"abcdef", "defghi", "bcd"}, {});
  EXPECT_EQ("x***y", masked(masks, "xabcdefghiy"));
  EXPECT_EQ("***", masked(Masks({"aaaaaa"}, {}), "aaaaaaaaaaa"));
  EXPECT_EQ("***b***", masked(Masks({"aaaaaa"}, {}), "aaaaaabaaaaaaa"));
}

TEST(Masks, PatternsLookAtLines) {
  const Masks masks({}, {"password=(\\S+)", "^key: .*$", "[0-9]{4}-[0-9]{4}"});
  EXPECT_EQ("password=*** and password=***\n",
            masked(masks, "password=first and password=second\n"));
  EXPECT_EQ("x\n***\ny", masked(masks, "x\nkey: 1\ny"));
  EXPECT_EQ("no key: 1", masked(masks, "no key: 1"));
  EXPECT_EQ("1234\n-5678 ***", masked(masks, "1234\n-5678 1234-5678"));
}

TEST(Masks, NothingGrows) {
  const Masks masks({}, {"q."});
  EXPECT_EQ("**r", masked(masks, "qxr"));
  EXPECT_EQ("****", masked(masks, "qxqy"));
}

TEST(Masks, CountsWhatItReplaces) {
  const Masks masks({"hunter22"}, {"pin [0-9]+"});
  std::uint64_t count = 5;
  masks.masked("hunter22 pin 12\nhunter22", count);
  EXPECT_EQ(8u, count);
  EXPECT_TRUE(masks.spare("hunter2 pin x"));
  EXPECT_FALSE(masks.spare("a pin 1"));
  EXPECT_FALSE(masks.spare("hunter22"));
}

TEST(Masks, WrongPatternsSayWhy) {
  for (const char* wrong : {"", "a*", "(", "(?=x)y", "x{1000}{10}"})
    EXPECT_NE("", mask_problem(wrong)) << wrong;
  EXPECT_NE("", mask_problem(std::string(2000, 'x')));
  EXPECT_EQ("", mask_problem("token=([A-Za-z0-9]{20,})"));
}

TEST(MaskedStream, HoldsBackWhatMayBeginASecret) {
  const Masks masks({"hunter22"}, {});
  MaskedStream stream(masks);
  std::string out;
  stream.feed("say hunt", out);
  EXPECT_EQ("say ", out);
  EXPECT_TRUE(stream.holds());
  stream.feed("er22 ok", out);
  EXPECT_EQ("say *** ok", out);
  EXPECT_FALSE(stream.holds());
  EXPECT_EQ(1u, stream.count());
  stream.feed("hunting", out);
  EXPECT_EQ("say *** okhunting", out);
}

// Somebody waits for it: then what follows is masked at least.
TEST(MaskedStream, WhatIsLetGoIsNotForgotten) {
  const Masks masks({"hunter22"}, {});
  MaskedStream stream(masks);
  std::string out;
  stream.feed("hunt", out);
  stream.release(out);
  EXPECT_EQ("hunt", out);
  stream.feed("er22!", out);
  EXPECT_EQ("hunt***!", out);
}

// "text" with a release wherever it has a '|'.
std::string slowly(const Masks& masks, const std::string& text) {
  MaskedStream stream(masks);
  std::string out;
  for (std::size_t at = 0, end = 0; at <= text.size(); at = end + 1) {
    end = std::min(text.find('|', at), text.size());
    stream.feed(text.substr(at, end - at), out);
    stream.release(out);
    EXPECT_FALSE(stream.holds());
  }
  return out;
}

TEST(MaskedStream, APatternSeesWhatWasLetGoOfItsLine) {
  const Masks masks({}, {"password=(\\S+)", "^key: .*$", "<[a-z]*>"});
  EXPECT_EQ("login password=***\n", slowly(masks, "login password=|hunter2x\n"));
  EXPECT_EQ("login password=***\n", slowly(masks, "login passw|ord=|hun|ter2x\n")) << "one mask";
  EXPECT_EQ("password=*** ok\n", slowly(masks, "password=hun|ter2x| ok\n"));
  EXPECT_EQ("***\nno key: c\n", slowly(masks, "key: a|b|b\nno |key: c\n"));
  EXPECT_EQ("a <se***\n", slowly(masks, "a <se|cret>\n")) << "what is passed stays";
  EXPECT_EQ("******", slowly(masks, "<a>|<b>")) << "two that only touch";
  EXPECT_EQ("password=\nhunter2x", slowly(masks, "password=|\nhunter2x"));
}

TEST(MaskedStream, CountsAMatchThatComesSlowlyOnce) {
  const Masks masks({}, {"password=(\\S+)"});
  MaskedStream stream(masks);
  std::string out;
  for (const char* piece : {"password=", "hun", "ter", "2x\n"}) {
    stream.feed(piece, out);
    stream.release(out);
  }
  EXPECT_EQ("password=***\n", out);
  EXPECT_EQ(1u, stream.count());
}

TEST(MaskedStream, TheContextOfASlowLineHasAnEnd) {
  const Masks masks({}, {"password=(\\S+)"});
  const std::string longest(MaskedStream::kLongestMatch - 9, ' ');
  const std::string near = longest.substr(1) + "password=";
  EXPECT_EQ(near + "***\n", slowly(masks, near + "|hunter2x\n"));
  const std::string far = "password=" + std::string(MaskedStream::kLongestMatch, 'x');
  EXPECT_EQ("password=***hunter2x\n", slowly(masks, far + "|hunter2x\n"));
}

TEST(MaskedStream, ALineWithoutEndIsLookedAtInPieces) {
  const Masks masks({}, {"<[a-z]*>"});
  const std::string filler(3 * MaskedStream::kLongestMatch - 5, '.');
  const std::string text = filler + "<secret>" + filler + "<" + std::string(100, 'x') + ">";
  const std::string wanted = filler + "***" + filler + "***";
  for (const std::size_t size : {std::size_t{7}, std::size_t{4096}, text.size()})
    EXPECT_EQ(wanted, in_chunks(masks, text, size)) << size;
  MaskedStream stream(masks);
  std::string out;
  stream.feed(text, out);
  EXPECT_LE(text.size() - out.size(), 2 * MaskedStream::kLongestMatch + 16)
      << "the rest is not kept";
}

// Wherever a text is cut, what comes out is what a look at the whole of it gives.
TEST(MaskedStream, ChunksDoNotMatter) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto any = [&](const char* of, std::size_t most) {
    const std::string letters = of;
    std::string out(random() % most + 1, ' ');
    for (char& c : out) c = letters[random() % letters.size()];
    return out;
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> secrets;
    for (std::size_t n = random() % 4; n > 0; --n) secrets.push_back(any("ab", 7));
    const Masks masks(
        secrets, round % 2 ? std::vector<std::string>{"b+c", "c(a+)"} : std::vector<std::string>{});
    const std::string text = any("aabbc\n", 60);
    // The oracle: each place that some secret covers, by trying them all.
    std::string covered(text.size(), '.');
    for (const auto& secret : secrets)
      for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 1))
        covered.replace(at, secret.size(), std::string(secret.size(), 'x'));
    const std::string whole = masked(masks, text);
    if (round % 2 == 0) {
      std::string left, kept;
      for (std::size_t i = 0; i < text.size(); ++i)
        if (covered[i] == '.') left += text[i];
      for (const char c : whole)
        if (c != '*') kept += c;
      EXPECT_EQ(left, kept) << testing::PrintToString(text) << testing::PrintToString(secrets);
    }
    const std::size_t size = random() % 9 + 1;
    EXPECT_EQ(whole, in_chunks(masks, text, size))
        << testing::PrintToString(text) << testing::PrintToString(secrets) << size;
  }
}

}  // namespace
}  // namespace domed
