#include "deployment/listener.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "system/trusted_path.h"

namespace domed {
namespace {

// What comes of "item" in a list of listeners: its problems, else its warnings.
std::string outcome(const std::string& item, Audience audience = Audience::control) {
  Checker check("d.yaml");
  const YamlNode root = check.parse("- " + item + "\n");
  const Listener listener = read_listener(root.items.at(0), audience, 1, check);
  if (!check.ok()) return check.text();
  EXPECT_FALSE(listener.url.empty());
  std::string out;
  for (const auto& warning : check.warnings()) out += warning;
  return out;
}

const std::string kDeed = "run any command as the daemon's user, " + describe_user(geteuid());

TEST(Listener, OverIpcNeedsNoMore) {
  EXPECT_EQ(outcome("ipc:///run/c"), "");
  EXPECT_EQ(outcome("url: ipc:///run/c"), "");
  EXPECT_EQ(outcome("ipc:///run/e", Audience::events), "");
}

TEST(Listener, OverTcpIsRefusedUnlessItIsWrittenOut) {
  EXPECT_EQ(outcome("tcp://127.0.0.1:7400"),
            "d.yaml:1:3: at tcp://127.0.0.1:7400 any user of this machine could connect and " +
                kDeed +
                "; use ipc://, or write it out if it is meant: {url: "
                "\"tcp://127.0.0.1:7400\", roles: {operator: [anyone]}}");
  EXPECT_EQ(outcome("ws://127.0.0.1:1/", Audience::events),
            "d.yaml:1:3: at ws://127.0.0.1:1/ any user of this machine could connect and read the "
            "events of every job; use ipc://, or write it out if it is meant: {url: "
            "\"ws://127.0.0.1:1/\", roles: {reader: [anyone]}}");
}

TEST(Listener, SaysAloudWhatAnyoneMayDo) {
  EXPECT_EQ(
      outcome("{url: \"tcp://127.0.0.1:7400\", roles: {operator: [anyone]}}"),
      "d.yaml:1:3: any user of this machine may connect to tcp://127.0.0.1:7400 and " + kDeed);
  EXPECT_EQ(outcome("{url: \"ws://[::1]:1/\", roles: {reader: [anyone]}}", Audience::events),
            "d.yaml:1:3: any user of this machine may connect to ws://[::1]:1/ and read the events "
            "of every job; no web page may (origins: none)");
  EXPECT_NE(
      outcome("{url: \"ws://[::1]:1/\", roles: {operator: [anyone]}, origins: [\"http://a\"]}")
          .find("; so may every web page of http://a in a browser on this machine"),
      std::string::npos);
}

TEST(Listener, OtherRolesAreRefused) {
  for (const auto* roles :
       {"{reader: [anyone]}", "{operator: [anyone, anyone]}", "{operator: [\"uid:0\"]}",
        "{operator: [anyone], reader: [anyone]}", "{operator: anyone}", "{operator: []}", "{}",
        "{oprator: [anyone]}", "[anyone]", "anyone", "{operator: [[anyone]]}", "{operator: }"})
    EXPECT_NE(outcome("{url: \"tcp://127.0.0.1:7400\", roles: " + std::string(roles) + "}")
                  .find("d.yaml:1:"),
              std::string::npos)
        << roles;
  EXPECT_NE(outcome("{url: \"tcp://127.0.0.1:1\", roles: {operator: [anyone]}}", Audience::events)
                .find("other roles are not supported yet"),
            std::string::npos);
  EXPECT_EQ(outcome("{url: ipc:///c, roles: {operator: [anyone]}}"),
            "d.yaml:1:26: roles over ipc are not supported yet; leave them out: the daemon's user "
            "and root may do everything, and so may the members of control.group");
}

TEST(Listener, KeysAreChecked) {
  EXPECT_EQ(outcome("{url: ipc:///c, tls: {cert: x}}"),
            "d.yaml:1:24: control.listen.tls is not supported yet; leave it out");
  EXPECT_EQ(outcome("{url: ipc:///c, rols: {}}"),
            "d.yaml:1:19: unknown key 'rols' in control.listen (did you mean 'roles'?)");
  EXPECT_EQ(outcome("{roles: {operator: [anyone]}}"),
            "d.yaml:1:3: control.listen: missing key 'url'");
  EXPECT_EQ(outcome("{url: ipc:///c, origins: [\"http://a\"]}"),
            "d.yaml:1:28: control.listen.origins are of web pages, which come over ws:// only");
  EXPECT_EQ(outcome("[ipc:///c]"),
            "d.yaml:1:3: control.listen must be a list of URLs, or of maps with 'url'");
}

TEST(Listener, OriginsAreWhatBrowsersWrite) {
  for (const auto* origin : {"http://localhost:8080", "https://example.org", "http://[::1]:8080",
                             "http://127.0.0.1:1", "chrome-extension://abc"})
    EXPECT_EQ(check_origin(origin), "") << origin;
  for (const auto* origin : {"",
                             "*",
                             "null",
                             "http://*",
                             "http://",
                             "localhost:8080",
                             "http://localhost:8080/",
                             "http://a/b",
                             "HTTP://a",
                             "http://A",
                             "http://a:0",
                             "http://a:65536",
                             "http://a:08080",
                             "http://a:",
                             "http://a b",
                             "http://a,http://b",
                             "http://user@a",
                             "://a",
                             "http://a?b",
                             "http://[]",
                             "http://a:80",
                             "https://a:443"})
    EXPECT_NE(check_origin(origin), "") << origin;
}

}  // namespace
}  // namespace domed
