#include "sealing/store_keys.h"

#include <gtest/gtest.h>

#include <functional>

#include "domed/error.h"
#include "domed/support/hash.h"

namespace domed {
namespace {

const std::string kOne(64, '1'), kTwo(64, '2');

StoreKeys keys(const std::string& text = kOne) {
  return StoreKeys::parse(text);
}

std::string refusal(const std::function<void()>& action, Code code) {
  try {
    action();
    return "nothing is thrown";
  } catch (const Error& e) {
    return e.code() == code ? e.what() : std::string("another code: ") + e.what();
  }
}

TEST(StoreKeys, OpenWhatTheySealed) {
  for (const std::string& bytes : {std::string(), std::string("secret"), std::string("\0\xff\n", 3),
                                   std::string(100'000, 'x')})
    EXPECT_EQ(bytes, keys().open(keys().seal(bytes, "job", "field"), "job", "field"));
}

TEST(StoreKeys, ShowNothingOfAValueAndSealItEachTimeOtherwise) {
  const std::string sealed = keys().seal("a secret", "job", "field");
  EXPECT_EQ(sealed.rfind("1:" + keys().ids().at(0) + ":", 0), 0u) << sealed;
  std::string bytes;
  ASSERT_TRUE(from_base64(sealed.substr(sealed.rfind(':') + 1), bytes));
  EXPECT_EQ(bytes.size(), 12 + 8 + 16u);
  EXPECT_EQ(bytes.find("secret"), std::string::npos);
  EXPECT_NE(sealed, keys().seal("a secret", "job", "field"));
}

TEST(StoreKeys, OpenNothingInTheNameOfAnotherJobOrField) {
  const std::string sealed = keys().seal("secret", "job", "field");
  const auto open_in = [&](const char* job, const char* field) {
    return refusal([&] { keys().open(sealed, job, field); }, Code::corruption);
  };
  for (const auto& [job, field] : {std::pair("other", "field"),
                                   {"job", "other"},
                                   {"", "jobfield"},
                                   {"jobf", "ield"},
                                   {"jo", "bfield"},
                                   {"field", "job"}})
    EXPECT_EQ("what is sealed was changed, or stood in another place", open_in(job, field))
        << job << ' ' << field;
}

TEST(StoreKeys, OpenNothingOfWhichABitWasFlipped) {
  const std::string sealed = keys().seal("secret", "job", "field");
  for (std::size_t byte = 0; byte < sealed.size(); ++byte)
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = sealed;
      other[byte] = static_cast<char>(other[byte] ^ 1 << bit);
      try {
        // The id of another key at the most, which nobody has.
        EXPECT_EQ(std::nullopt, keys().open(other, "job", "field")) << other;
      } catch (const Error& e) {
        EXPECT_EQ(Code::corruption, e.code()) << other;
      }
    }
}

TEST(StoreKeys, TakeNoOtherTextForWhatIsSealed) {
  const std::string id = keys().ids().at(0);
  for (const std::string& text :
       {std::string(), std::string("secret"), "1:" + id, "1:" + id + ":", "1:" + id + ":AAAA",
        "1::" + to_base64(std::string(40, 'x')), "1:" + id + ":" + to_base64(std::string(27, 'x')),
        "2:" + id + ":" + to_base64(std::string(40, 'x'))}) {
    const std::string said = refusal([&] { keys().open(text, "job", "field"); }, Code::corruption);
    EXPECT_TRUE(said.starts_with("it is sealed in a form that this version") ||
                said.starts_with("what is sealed is not what was written"))
        << text << ": " << said;
    EXPECT_EQ(said, refusal([&] { StoreKeys::key_of(text); }, Code::corruption));
  }
}

TEST(StoreKeys, SaySoWhereAnotherKeyIsWanted) {
  const std::string sealed = keys(kTwo).seal("secret", "job", "field");
  EXPECT_EQ(std::nullopt, keys().open(sealed, "job", "field"));
  EXPECT_EQ(std::nullopt, StoreKeys().open(sealed, "job", "field"));
  EXPECT_EQ(keys(kTwo).ids().at(0), StoreKeys::key_of(sealed));
}

TEST(StoreKeys, SealByTheFirstAndOpenByAll) {
  const StoreKeys both = keys(kTwo + "\n" + kOne + "\n");
  EXPECT_EQ("secret", both.open(keys().seal("secret", "job", "field"), "job", "field"));
  EXPECT_EQ("secret", keys(kTwo).open(both.seal("secret", "job", "field"), "job", "field"));
  EXPECT_EQ((std::vector{keys(kTwo).ids().at(0), keys().ids().at(0)}), both.ids());
}

TEST(StoreKeys, AreLinesOfHexOrBase64) {
  const std::string capital(64, 'A'), small(64, 'a');
  const std::string base64 = to_base64(std::string(32, '\xaa'));
  EXPECT_EQ(keys(small), keys("# the key of March\n\n  " + capital + " \r\n"));
  EXPECT_EQ(keys(small), keys(base64));
  EXPECT_NE(keys(small), keys(kOne));
  EXPECT_TRUE(StoreKeys().empty());
}

TEST(StoreKeys, ThatAreNoneAreRefusedByTheirLineAndNotShown) {
  const auto said = [](const std::string& text) {
    return refusal([&] { keys(text); }, Code::invalid_argument);
  };
  EXPECT_EQ(0u, said("").find("there is no key in it: 'openssl rand -hex 32'"));
  EXPECT_EQ(0u, said("# none\n").find("there is no key in it"));
  for (const std::string& line :
       {std::string("hunter2"), std::string(63, '1'), std::string(66, '1'), std::string(64, 'g'),
        to_base64(std::string(31, 'x'))}) {
    const std::string problem = said(kOne + "\n" + line);
    EXPECT_EQ(0u, problem.find("line 2 is no key: 64 hex digits")) << problem;
    EXPECT_EQ(std::string::npos, problem.find(line)) << problem;
  }
  EXPECT_EQ("line 3 has a key that is there already", said(kOne + "\n" + kTwo + "\n" + kOne));
  std::string many;
  for (char c = 'a'; c < 'a' + 17; ++c) many += to_base64(std::string(32, c)) + "\n";
  EXPECT_EQ("line 17 has one key too many: 16 may be there", said(many));
}

}  // namespace
}  // namespace domed
