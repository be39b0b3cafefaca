#include "base/json.h"

#include <gtest/gtest.h>

#include "base/object_text.h"
#include "domed/error.h"

namespace domed {
namespace {

std::string refusal(std::string_view text) {
  try {
    return "accepted as " + compact_json(text);
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(CompactJson, RemovesWhiteSpaceOutsideStringsOnly) {
  EXPECT_EQ(R"({"b":[1,2,{"a b":" x\t"}],"a":null})",
            compact_json(" { \"b\" : [ 1 ,\n2, {\"a b\" : \" x\\t\"} ],\r\n\"a\":null }\n"));
}

TEST(CompactJson, SaysWhereTheMembersAre) {
  const std::string plain = R"({"a":{"a":[1,{"x":2}]},"\u0062":"}\"","c":-0,"d":null,"e":[]})";
  const std::string spaced =
      " { \"a\" : {\"a\":[1 , {\"x\": 2}]} ,\n\"\\u0062\":\"}\\\"\" , \"c\" : -0 ,\"d\":null , "
      "\"e\":[ ] } ";
  for (const std::string& text : {plain, spaced}) {
    std::vector<JsonMember> members;
    const std::string out = compact_json(text, members);
    EXPECT_EQ(plain, out);
    std::string found;
    for (const auto& [key, begin, end] : members)
      found += key + "=" + out.substr(begin, end - begin) + "\n";
    EXPECT_EQ("a={\"a\":[1,{\"x\":2}]}\nb=\"}\\\"\"\nc=-0\nd=null\ne=[]\n", found);
  }
  std::vector<JsonMember> members;
  for (const char* text : {"[{\"a\":1}]", "{}", "7"}) {
    compact_json(text, members);
    EXPECT_TRUE(members.empty()) << text;
  }
}

// What would be JSON without it is none with it.
TEST(CompactJson, LooksAtTheTextAsItCame) {
  for (const char* bad : {"1 2", "tr ue", "{\"a\":1 2}", "\"a\" \"b\"", "- 1"}) {
    std::vector<JsonMember> members;
    EXPECT_ANY_THROW(compact_json(bad, members)) << bad;
    EXPECT_EQ(0u, refusal(bad).find("not acceptable JSON")) << bad;
  }
}

TEST(CompactJson, KeepsNumbersAsWritten) {
  for (const char* number : {"1.0", "-0", "1E5", "123456789012345678901234567890", "0.10"})
    EXPECT_EQ(number, compact_json(number));
}

TEST(CompactJson, RefusesWhatIsNotStrictJson) {
  for (const char* bad :
       {"",        " ",       "{",           "[1,]",  "{\"a\":1,}", "nul",       "01",
        "1.",      "+1",      "NaN",         "'a'",   "[1] 2",      "\"a\nb\"",  "{a:1}",
        "[1 2]",   "\"\\x\"", "tru",         "truee", "nulll",      "{\"a\" 1}", "\"abc",
        "[\"a\",", "1e999",   "\"\\u12g4\"", "]",     "[[1]"})
    EXPECT_EQ(0u, refusal(bad).find("not acceptable JSON")) << bad << ": " << refusal(bad);
}

TEST(CompactJson, RefusesInvalidUtf8) {
  for (const char* bad : {"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xe2\x82\""})
    EXPECT_EQ(0u, refusal(bad).find("not acceptable JSON")) << refusal(bad);
}

TEST(CompactJson, RefusesLoneSurrogatesInValuesAndKeys) {
  for (const char* bad : {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\n")",
                          R"("\udc00\ud800")", R"({"\udfff":1})", R"("\ud800\ud800\udc00")"})
    EXPECT_NE(std::string::npos, refusal(bad).find("not acceptable JSON")) << refusal(bad);
  EXPECT_EQ(R"("\ud83d\ude00 \\ud800")", compact_json(R"("\ud83d\ude00 \\ud800")"));
}

TEST(CompactJson, RefusesDuplicateKeysEvenWhenEscapedDifferently) {
  EXPECT_NE(std::string::npos, refusal(R"({"a":1,"b":2,"\u0061":3})").find("duplicate key 'a'"));
  EXPECT_NE(std::string::npos, refusal(R"([{"x":{"k":1,"k":1}}])").find("duplicate key 'k'"));
}

TEST(CompactJson, RefusesExcessiveDepth) {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_EQ(nested(kMaxJsonDepth), compact_json(nested(kMaxJsonDepth)));
  EXPECT_NE(std::string::npos, refusal(nested(kMaxJsonDepth + 1)).find("nested deeper"));
  EXPECT_NE(std::string::npos, refusal(nested(100000)).find("not acceptable JSON"));
}

TEST(CanonicalJson, FollowsTheExamplesOfRfc8785) {
  EXPECT_EQ(R"({"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],)"
            R"("string":"€$\u000f\nA'B\"\\\\\"/"})",
            canonical_json(Json::parse(
                R"({"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],)"
                R"("string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",)"
                R"("literals":[null,true,false]})")));
}

TEST(CanonicalJson, WritesNumbersAsEcmaScriptDoes) {
  for (const auto& [in, out] : std::vector<std::pair<std::string, std::string>>{
           {"-0", "0"},
           {"0.000001", "0.000001"},
           {"1e-7", "1e-7"},
           {"100", "100"},
           {"1e21", "1e+21"},
           {"123456789012345680000", "123456789012345680000"},
           {"-1.50", "-1.5"},
           {"5e-324", "5e-324"}})
    EXPECT_EQ(out, canonical_json(Json::parse(in))) << in;
}

TEST(CanonicalJson, SortsKeysByUtf16CodeUnits) {
  EXPECT_EQ("{\"\\r\":1,\"1\":2,\"\u0080\":3,\"ö\":4,\"€\":5,\"😀\":6,\"\uFB33\":7}",
            canonical_json(Json{
                {"€", 5}, {"\r", 1}, {"\uFB33", 7}, {"1", 2}, {"😀", 6}, {"\u0080", 3}, {"ö", 4}}));
}

// What is written without a look at each letter is what would be written with one.
TEST(JsonString, IsTheSameWithAndWithoutWhatMustBeEscaped) {
  for (int first = 0; first < 0x80; ++first)
    for (const std::string around : {"", "a", "\u00e9"}) {
      const std::string text = around + static_cast<char>(first) + around;
      EXPECT_EQ(json_string(text), Json(text).dump()) << first;
      EXPECT_EQ(Json::parse(json_string(text)), Json(text)) << first;
    }
  EXPECT_THROW(json_string("\xff"), std::exception);
}

TEST(ObjectText, IsOneObjectOfWhatWasAdded) {
  EXPECT_EQ(ObjectText().take(), "{}");
  ObjectText out;
  out.text("a", "x\"y").number("n", std::int64_t{-3}).json("list", "[1,2]");
  EXPECT_EQ(out.number("m", std::uint64_t{18446744073709551615u}).take(),
            R"({"a":"x\"y","n":-3,"list":[1,2],"m":18446744073709551615})");
}

}  // namespace
}  // namespace domed
