#include "search/matcher.h"

#include <gtest/gtest.h>

#include <functional>

#include "domed/error.h"

namespace domed {
namespace {

std::string found(const Matcher& matcher, std::string_view text, std::size_t from = 0) {
  const auto range = matcher.find(text, from);
  return range ? std::to_string(range->begin) + "-" + std::to_string(range->end) : "none";
}

std::string refusal(const std::function<void()>& make) {
  try {
    make();
    return "";
  } catch (const Error& e) {
    EXPECT_EQ(Code::invalid_argument, e.code());
    return e.what();
  }
}

TEST(Matcher, FindsALiteralAsItIs) {
  const Matcher matcher = Matcher::literal("a.b");
  EXPECT_EQ("1-4", found(matcher, "xa.ba.b"));
  EXPECT_EQ("4-7", found(matcher, "xa.ba.b", 2));
  EXPECT_EQ("none", found(matcher, "axb"));
  EXPECT_EQ("none", found(matcher, "a.b", 9));
}

TEST(Matcher, FindsAPattern) {
  EXPECT_EQ("1-4", found(Matcher::pattern("a.b"), "xaxb"));
  EXPECT_EQ("none", found(Matcher::pattern("^b"), "ab", 1)) << "not the beginning of the text";
  EXPECT_EQ("1-3", found(Matcher::pattern("."), "a\u00fc", 1)) << "a character, not a byte";
  EXPECT_EQ("0-0", found(Matcher::pattern("x*"), "abc"));
}

TEST(Matcher, RefusesInWords) {
  EXPECT_EQ("'' is empty, and would be found everywhere", refusal([] { Matcher::literal(""); }));
  EXPECT_EQ("'[' is no regular expression of RE2: missing ]: [",
            refusal([] { Matcher::pattern("["); }));
  EXPECT_NE(std::string::npos,
            refusal([] { Matcher::literal(std::string(2000, 'a')); }).find("1024 bytes"));
}

}  // namespace
}  // namespace domed
