#include "deployment/difference.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/certificates.h"
#include "support/scratch.h"

namespace domed {
namespace {

using Keys = std::vector<std::string>;

class DifferenceTest : public ::testing::Test {
 protected:
  DifferenceTest() {
    scratch_.write("plugins/store-x.yaml",
                   "name: store-x\nkind: store\nversion: 1.0\nabi: 2\nsummary: S\nlicense: MIT\n"
                   "options:\n  path: {type: path, default: x.db, description: The file.}\n");
    context_.installation = scratch_.path();
  }

  Deployment load(const std::string& rest, const std::string& listen = R"(["ipc:///run/c"])",
                  const std::string& store = "{plugin: store-x}") {
    return load_deployment(
        scratch_.write("domed.yaml", "domed: 1\ncontrol: {listen: " + listen +
                                         "}\nevents: {listen: [\"ipc:///run/e\"]}\n"
                                         "state_dir: /state\nstore: " +
                                         store + "\n" + rest),
        context_);
  }

  testing::Scratch scratch_;
  DeploymentContext context_;
};

TEST_F(DifferenceTest, NothingDiffersFromItself) {
  const auto found = difference(load("jobs: {max_running: 3}\n"), load("jobs: {max_running: 3}\n"));
  EXPECT_EQ(Keys{}, found.taken);
  EXPECT_EQ(Keys{}, found.waiting);
}

TEST_F(DifferenceTest, LimitsToolsRetentionAndLogAreTaken) {
  const auto found = difference(
      load("tools: [{id: a, command: [x]}]\n"),
      load("jobs: {max_running: 9, queues: {gpu: 2}, umask: 027}\nretention: {keep_jobs: 5}\n"
           "log: {level: debug, format: json}\ntools: [{id: a, command: [y]}]\n"));
  EXPECT_EQ((Keys{"jobs.max_running", "jobs.umask", "jobs.queues", "tools", "retention.keep_jobs",
                  "log.level", "log.format"}),
            found.taken);
  EXPECT_EQ(Keys{}, found.waiting);
  EXPECT_EQ(9, found.now.jobs.max_running);
  EXPECT_EQ(2u, found.now.jobs.queues.at("gpu"));
  EXPECT_EQ("y", found.now.tool("a")->command[0]);
  EXPECT_EQ("debug", found.now.log.level);
}

// Which a contract does not tell.
TEST_F(DifferenceTest, TheValueOfAToolsVariableIsTaken) {
  for (const std::string key : {"env", "secret_env"}) {
    const auto with = [&](const std::string& value) {
      return load("tools: [{id: a, command: [x], " + key + ": {A: " + value + "}}]\n");
    };
    EXPECT_EQ(Keys{"tools"}, difference(with("hunter22"), with("sesame77")).taken) << key;
  }
}

// What is bound at the start goes on as it was, and what can change beside it does.
TEST_F(DifferenceTest, WhatIsBoundWaits) {
  const auto found = difference(
      load(""), load("transport: nng\nnode: {name: b}\njobs: {cgroup: /sys/x, max_running: 2}\n",
                     R"(["ipc:///run/other"])", "{plugin: store-x, options: {path: y.db}}"));
  EXPECT_EQ((Keys{"control.listen", "transport", "node.name", "store", "jobs.cgroup"}),
            found.waiting);
  EXPECT_EQ(Keys{"jobs.max_running"}, found.taken);
  EXPECT_EQ("ipc:///run/c", found.now.control_listen.at(0).url);
  EXPECT_FALSE(found.now.nng);
  EXPECT_EQ("/state/x.db", found.now.store.options.text("path"));
}

TEST_F(DifferenceTest, RolesOfAListenerThatStaysAreTaken) {
  const auto listen = [](const char* role, const char* more = "") {
    return std::string("[\"ipc:///run/c\", {url: \"tcp://127.0.0.1:0\", roles: {") + role +
           ": [anyone]}}" + more + "]";
  };
  auto found = difference(load("", listen("reader")), load("", listen("submitter")));
  EXPECT_EQ(Keys{"control.listen: roles"}, found.taken);
  EXPECT_EQ(Role::submitter, found.now.control_listen.at(1).grants.at(0).role);
  found =
      difference(load("", listen("reader")), load("", listen("submitter", ", \"ipc:///run/d\"")));
  EXPECT_EQ(Keys{"control.listen: roles"}, found.taken);
  EXPECT_EQ(Keys{"control.listen"}, found.waiting) << "one is new";
  EXPECT_EQ(2u, found.now.control_listen.size());
}

TEST_F(DifferenceTest, FilesOfAListenerThatStaysAreTakenWithItsRoles) {
  test::Authority first(scratch_.path(), "first"), second(scratch_.path(), "second");
  const test::Shown ours = first.issue_for_server(), next = second.issue_for_server();
  const std::string list = second.write_list();
  const auto listen = [](const test::Shown& shown, const std::string& more, const char* role) {
    return "[\"ipc:///run/c\", {url: \"tls+tcp://127.0.0.1:0\", tls: {cert: \"" + shown.cert +
           "\", key: \"" + shown.key + "\", client_ca: " + more + "}, roles: {" + role +
           ": [\"cert:*\"]}}]";
  };
  const auto found =
      difference(load("", listen(ours, first.file(), "reader")),
                 load("", listen(next, second.file() + ", crl: " + list, "operator")));
  EXPECT_EQ((Keys{"control.listen: tls", "control.listen: roles"}), found.taken);
  EXPECT_EQ(Keys{}, found.waiting);
  const Listener& now = found.now.control_listen.at(1);
  EXPECT_EQ(now.tls, (TlsFiles{next.cert, next.key, second.file(), list}));
  EXPECT_EQ(Role::admin, now.grants.at(0).role);
}

TEST_F(DifferenceTest, AnotherFileOfTokensIsTaken) {
  const auto tokens = [&](const std::string& name, const std::string& secret) {
    const std::string file =
        scratch_.write(name, "- {name: builds, sha256: " + to_hex(sha256(secret)) + "}\n");
    EXPECT_EQ(0, chmod(file.c_str(), 0600));
    return "tokens: " + name + "\n";
  };
  const auto found = difference(load(tokens("a.yaml", "one")), load(tokens("b.yaml", "two")));
  EXPECT_EQ(Keys{"tokens"}, found.taken);
  EXPECT_EQ(Keys{}, found.waiting);
  EXPECT_EQ("b.yaml", found.now.tokens_file.filename());
  EXPECT_EQ(sha256("two"), found.now.tokens.at(0).sha256);
}

// By its keys, wherever they lie: what was sealed by one that is gone would not open any more.
TEST_F(DifferenceTest, AnotherStoreKeyWaits) {
  const auto key = [&](const std::string& name, char digit) {
    const std::string file = scratch_.write(name, std::string(64, digit));
    EXPECT_EQ(0, chmod(file.c_str(), 0600));
    return "store_key: " + name + "\n";
  };
  const Deployment before = load(key("a.key", '1'));
  EXPECT_EQ(Keys{}, difference(before, load(key("b.key", '1'))).waiting);
  const auto found = difference(before, load(key("a.key", '2')));
  EXPECT_EQ(Keys{"store_key"}, found.waiting);
  EXPECT_EQ(before.store_keys, found.now.store_keys);
}

// Who comes by what waits would be what the new roles mean for somebody else.
TEST_F(DifferenceTest, RolesWaitWithWhatSaysOfWhomTheySpeak) {
  const auto listen = [](const char* origin, const char* role) {
    return std::string("[\"ipc:///run/c\", {url: \"ws://127.0.0.1:0/\", origins: [\"") + origin +
           "\"], roles: {" + role + ": [anyone]}}]";
  };
  auto found =
      difference(load("", listen("http://a", "reader")), load("", listen("http://b", "operator")));
  EXPECT_EQ(Keys{}, found.taken);
  EXPECT_EQ((Keys{"control.listen: roles", "control.listen"}), found.waiting);
  EXPECT_EQ(Role::reader, found.now.control_listen.at(1).grants.at(0).role);
  Deployment before = load("", R"([{url: "ipc:///run/c", roles: {reader: [anyone]}}])"),
             after = load("", R"([{url: "ipc:///run/c", roles: {operator: [anyone]}}])");
  before.group = "a", after.group = "b";
  found = difference(before, after);
  EXPECT_EQ(Keys{}, found.taken);
  EXPECT_EQ((Keys{"control.listen: roles", "control.group"}), found.waiting);
}

TEST_F(DifferenceTest, ARoleThatWaitsIsOfTheTokensOfThenAlone) {
  const auto token = [](const char* name, const char* secret) {
    return Tokens::Token{name, sha256(secret), {}};
  };
  Deployment before = load("", R"(["ipc:///run/c", "ipc:///run/gone"])"), after = load("");
  before.control_listen.at(1).grants = {{Role::admin, Grant::To::token, "*"}};
  before.tokens = {token("same", "1"), token("other", "2"), token("gone", "3")};
  after.tokens = {token("same", "1"), token("other", "x"), token("new", "4")};
  const auto found = difference(before, after);
  EXPECT_EQ(Keys{"control.listen"}, found.waiting);
  EXPECT_EQ((std::vector<Grant>{{Role::admin, Grant::To::token, "same"}}),
            found.now.control_listen.at(1).grants);
}

// Runners that live know the address that they began with, and would be refused there.
TEST_F(DifferenceTest, RunnersAreNotLeftOutside) {
  const auto listen = [](const char* first, const char* second) {
    return std::string("[{url: \"tcp://127.0.0.1:71\", roles: {") + first +
           ": [anyone]}}, {url: \"tcp://127.0.0.1:72\", roles: {" + second + ": [anyone]}}]";
  };
  const auto found =
      difference(load("", listen("producer", "reader")), load("", listen("reader", "producer")));
  EXPECT_EQ(Keys{"control.listen: roles"}, found.waiting);
  EXPECT_EQ(Role::producer, found.now.control_listen.at(0).grants.at(0).role);
  EXPECT_EQ(Role::producer, found.now.control_listen.at(1).grants.at(0).role);
}

}  // namespace
}  // namespace domed
