#include "deployment/tokens.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/units.h"
#include "domed/error.h"
#include "support/scratch.h"

namespace domed {
namespace {

class TokensFile : public ::testing::Test {
 protected:
  std::string refusal(const std::string& text, mode_t mode = 0600) {
    const auto file = write(text, mode);
    try {
      load_tokens(file);
      return "";
    } catch (const Error& e) {
      return e.what();
    }
  }
  std::filesystem::path write(const std::string& text, mode_t mode = 0600) {
    const auto file = scratch.path() / "tokens.yaml";
    std::ofstream(file) << text;
    chmod(file.c_str(), mode);
    return file;
  }

  testing::Scratch scratch;
  const std::string hash = sha256_hex("s3cret");
};

TEST_F(TokensFile, IsAListOfNamesAndHashes) {
  const auto found = load_tokens(write("- {name: builds, sha256: " + hash +
                                       "}\n- {name: \"ci/7\", sha256: " + sha256_hex("other") +
                                       ", expires: \"2027-01-31T12:00:00Z\"}\n"));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].name, "builds");
  EXPECT_EQ(found[0].sha256, sha256("s3cret"));
  EXPECT_FALSE(found[0].expires);
  EXPECT_EQ(format_time(*found[1].expires), "2027-01-31T12:00:00.000000Z");
}

TEST_F(TokensFile, HasEachSecretOnce) {
  const std::string said =
      refusal("- {name: builds, sha256: " + hash + "}\n- {name: eyes, sha256: " + hash + "}\n");
  EXPECT_NE(said.find("tokens.yaml:2:3: the tokens 'builds' and 'eyes' have the same secret"),
            std::string::npos)
      << said;
}

TEST_F(TokensFile, MayBeEmpty) {
  EXPECT_TRUE(load_tokens(write("")).empty());
  EXPECT_TRUE(load_tokens(write("# none yet\n")).empty());
}

TEST_F(TokensFile, IsForItsOwnerAlone) {
  for (const mode_t mode : {0640u, 0604u, 0644u, 0660u})
    EXPECT_NE(refusal("", mode).find("which lets others in: chmod 600 it"), std::string::npos);
}

TEST_F(TokensFile, TellsEveryProblemWithItsPlace) {
  const std::string said =
      refusal("- {name: \"a b\", sha256: " + hash + "}\n- {name: x, sha256: 12}\n- {name: y}\n" +
              "- {name: z, sha256: " + hash + ", expires: soon}\n- {name: z, sha256: " + hash +
              "}\n- what\n");
  for (const auto* part : {":1:10: 'name' must be of letters", ":2:21: 'sha256' must be 64",
                           ":3:3: a token: missing key 'sha256'", "'expires' must be a time",
                           "the token 'z' is there twice", ":6:"})
    EXPECT_NE(said.find(part), std::string::npos) << part << "\n" << said;
  EXPECT_NE(refusal("a: b\n").find("must be a list"), std::string::npos);
  EXPECT_NE(refusal("\x01").find("tokens.yaml"), std::string::npos);
}

TEST_F(TokensFile, MissingIsSaid) {
  try {
    load_tokens(scratch.path() / "none");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("domectl token new"), std::string::npos);
  }
}

}  // namespace
}  // namespace domed
