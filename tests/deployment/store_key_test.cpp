#include "deployment/store_key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "deployment/deployment.h"
#include "support/scratch.h"

namespace domed {
namespace {

const std::string kOne(64, '1'), kTwo(64, '2');

class StoreKeyFile : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& text, mode_t mode = 0600) const {
    const auto file = scratch_.write("store.key", text);
    chmod(file.c_str(), mode);
    return file;
  }
  std::string refusal(const std::string& text, mode_t mode = 0600) const {
    return testing::error_of([&] { load_store_keys(write(text, mode)); },
                             scratch_.path().string() + "/");
  }
  // That names a store with these capabilities.
  Deployment load(const std::string& options, const std::string& more) const {
    scratch_.write(
        "plugins/store-x.yaml",
        "name: store-x\nkind: store\nversion: 1.0\nabi: 2\nsummary: S\nlicense: MIT\n" + options);
    DeploymentContext context;
    context.installation = scratch_.path();
    return load_deployment(
        scratch_.write("domed.yaml",
                       "domed: 1\ncontrol: {listen: [\"ipc:///run/c\"]}\n"
                       "events: {listen: [\"ipc:///run/e\"]}\nstate_dir: /state\n"
                       "store: {plugin: store-x}\n" +
                           more),
        context);
  }

  testing::Scratch scratch_;
};

TEST_F(StoreKeyFile, HasTheKeyThatSealsFirst) {
  EXPECT_EQ(StoreKeys::parse(kTwo + "\n" + kOne),
            load_store_keys(write(kTwo + "\n" + kOne + "\n")));
  const auto ids = StoreKeys::parse(kTwo + "\n" + kOne).ids();
  EXPECT_EQ("seals what is secret in the store with the key " + ids[0],
            in_words(StoreKeys::parse(kTwo)));
  EXPECT_EQ("seals what is secret in the store with the key " + ids[0] +
                ", and opens what is sealed with " + ids[1],
            in_words(StoreKeys::parse(kTwo + "\n" + kOne)));
}

TEST_F(StoreKeyFile, IsForItsOwnerAlone) {
  for (const mode_t mode : {0640u, 0604u, 0644u, 0660u})
    EXPECT_NE(refusal(kOne, mode).find("which lets others in: chmod 600 it"), std::string::npos);
}

TEST_F(StoreKeyFile, SaysWhatIsWrongAndShowsNoKey) {
  EXPECT_EQ(0u, refusal(kOne + "\n" + kTwo + "x\n").find("store.key: line 2 is no key: 64 hex"));
  EXPECT_EQ(std::string::npos, refusal(kOne + "\n" + kTwo + "x\n").find("22"));
  EXPECT_EQ(0u, refusal("").find("store.key: there is no key in it"));
  EXPECT_NE(std::string::npos, refusal(std::string(100'000, '#')).find("store.key"));
  EXPECT_EQ("none: there is no such file: '(umask 077; openssl rand -hex 32 >FILE)' makes one",
            testing::error_of([&] { load_store_keys(scratch_.path() / "none"); },
                              scratch_.path().string() + "/"));
}

TEST_F(StoreKeyFile, LiesWhereTheDeploymentDoes) {
  write(kOne);
  const Deployment found = load("", "store_key: store.key\n");
  EXPECT_EQ(scratch_.path() / "store.key", found.store_key_file);
  EXPECT_EQ(StoreKeys::parse(kOne), found.store_keys);
  EXPECT_TRUE(load("", "").store_keys.empty());
  EXPECT_EQ(
      0u, testing::error_of([&] { load("", "store_key: none\n"); }, scratch_.path().string() + "/")
              .find("domed.yaml:6:12: the store key cannot be used:\nnone: there is no such"));
}

TEST_F(StoreKeyFile, IsMissedWhereOthersReachTheStore) {
  const std::string password =
                        "options:\n  password: {type: string, secret: true, default: \"\", "
                        "description: D.}\n",
                    watched = "capabilities: [watch, leases]\n";
  for (const auto& missed : {load(password, ""), load(watched, "cluster: {}\n")}) {
    ASSERT_EQ(1u, missed.warnings.size());
    EXPECT_NE(std::string::npos, missed.warnings[0].find("domed.yaml:5:8: there is no 'store_key'"))
        << missed.warnings[0];
  }
  EXPECT_TRUE(load(watched, "").warnings.empty());
  write(kOne);
  EXPECT_TRUE(load(password, "store_key: store.key\n").warnings.empty());
}

}  // namespace
}  // namespace domed
