#include "deployment/listener.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "deployment/who_may.h"
#include "system/trusted_path.h"

namespace domed {
namespace {

ListenerContext context_of(Audience audience) {
  ListenerContext context;
  context.audience = audience;
  context.directory = "/etc/domed";
  return context;
}

// What comes of "item" in a list of listeners: its problems, else its warnings.
std::string outcome(const std::string& item, const ListenerContext& context) {
  Checker check("d.yaml");
  const YamlNode root = check.parse("- " + item + "\n");
  const Listener listener = read_listener(root.items.at(0), context, check);
  if (!check.ok()) return check.text();
  EXPECT_FALSE(listener.url.empty());
  std::string out;
  for (const auto& warning : check.warnings()) out += warning;
  return out;
}
std::string outcome(const std::string& item, Audience audience = Audience::control) {
  return outcome(item, context_of(audience));
}

// Where tokens and a group are at hand.
ListenerContext rich(Audience audience = Audience::control) {
  ListenerContext context = context_of(audience);
  context.has_tokens = true;
  context.group = getgrgid(getegid())->gr_name;
  return context;
}

// Who may do what at "item", which is well.
std::vector<std::string> words(const std::string& item, const ListenerContext& context = rich()) {
  Checker check("d.yaml");
  const YamlNode root = check.parse("- " + item + "\n");
  const Listener listener = read_listener(root.items.at(0), context, check);
  EXPECT_TRUE(check.ok()) << check.text();
  return who_may(listener, context.audience);
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
                "; use ipc://, or tokens, or write it out if it is meant: {url: "
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
  EXPECT_EQ(outcome("{url: \"tcp://127.0.0.1:7400\", roles: {reader: [anyone]}}"),
            "d.yaml:1:3: any user of this machine may connect to tcp://127.0.0.1:7400 and read "
            "every job's output");
  EXPECT_EQ(outcome("{url: \"ws://[::1]:1/\", roles: {reader: [anyone]}}", Audience::events),
            "d.yaml:1:3: any user of this machine may connect to ws://[::1]:1/ and read the events "
            "of every job; no web page may (origins: none)");
  EXPECT_NE(
      outcome("{url: \"ws://[::1]:1/\", roles: {operator: [anyone]}, origins: [\"http://a\"]}")
          .find("; so may every web page of http://a in a browser on this machine"),
      std::string::npos);
}

TEST(Listener, ServedByNngSaysWhatThatLeavesOpen) {
  ListenerContext context = context_of(Audience::events);
  context.nng = true;
  const auto warns = [&](const std::string& item) {
    return outcome(item, context).find("bounds no connection before its handshake") !=
           std::string::npos;
  };
  EXPECT_TRUE(warns("{url: \"tcp://127.0.0.1:1\", roles: {reader: [anyone]}}"));
  EXPECT_TRUE(warns("{url: \"ws://127.0.0.1:1/\", roles: {reader: [anyone]}}"));
  EXPECT_FALSE(warns("ipc:///run/e")) << "its user may do worse";
  EXPECT_FALSE(
      warns("{url: \"tls+tcp://127.0.0.1:1\", tls: {cert: a, key: b, client_ca: c}, "
            "roles: {reader: [\"cert:*\"]}}"))
      << "that is ours";
  context.group = getgrgid(getegid())->gr_name;
  EXPECT_TRUE(warns("ipc:///run/e"));
  context.nng = false;
  EXPECT_FALSE(warns("ipc:///run/e"));
}

TEST(Listener, RolesAreOfThoseWhoCanBeKnownThere) {
  struct Case {
    const char *item, *says;
  };
  const std::string tls = ", tls: {cert: a, key: b, client_ca: c}";
  for (const auto& [item, says] : std::vector<Case>{
           {"{url: \"tcp://127.0.0.1:1\", roles: {operator: [\"uid:0\"]}}",
            "'uid:0' cannot come by tcp://127.0.0.1:1: the system tells which user connects over "
            "ipc alone"},
           {"{url: \"tcp://127.0.0.1:1\", roles: {reader: [\"cert:x\"]}}",
            "certificates are shown over tls+tcp and wss alone"},
           {"{url: \"tcp://127.0.0.1:1\", roles: {reader: [\"token:x\"]}}",
            "the deployment names no file of tokens"},
           {"{url: ipc:///c, roles: {reader: [\"token:x\"]}}", "no token is asked for"},
           {"{url: ipc:///c, roles: {reader: [\"group:no-such-group\"]}}",
            "there is no group 'no-such-group' on this machine"},
           {"{url: ipc:///c, roles: {reader: [\"user:no-such-user\"]}}", "there is no user"},
           {"{url: ipc:///c, roles: {reader: [mary]}}", "'mary' is nobody: write user:NAME"},
           {"{url: ipc:///c, roles: {reader: [\"uid:x\"]}}", "is nobody"},
           {"{url: ipc:///c, roles: {reader: [\"uid:-1\"]}}", "is nobody"},
           {"{url: ipc:///c, roles: {reader: [\"uid:99999999999999999999\"]}}", "is nobody"},
           {"{url: ipc:///c, roles: {reader: [\"uid:4294967296\"]}}", "is nobody"},
           {"{url: ipc:///c, roles: {reader: [\"uid:4294967295\"]}}", "is nobody"},
           {"{url: ipc:///c, roles: {reader: [\"cert:a b\"]}}", "is nobody"},
           {"{url: ipc:///c, roles: {reader: []}}", "must name who has it"},
           {"{url: ipc:///c, roles: {oprator: [anyone]}}", "unknown key 'oprator'"},
           {"{url: ipc:///c, roles: anyone}", "d.yaml:1:"},
           {"{url: ipc:///c, roles: {reader: }}", "d.yaml:1:"},
           {"{url: ipc:///c, roles: {reader: [[anyone]]}}", "d.yaml:1:"}})
    EXPECT_NE(outcome(item).find(says), std::string::npos) << item << "\n" << outcome(item);
}

TEST(Listener, OverTlsSaysWhoMayWhat) {
  struct Case {
    const char *item, *says;
  };
  for (const auto& [item, says] : std::vector<Case>{
           {"tls+tcp://0.0.0.0:1", "needs its files"},
           {"{url: \"tls+tcp://0.0.0.0:1\", tls: {cert: a, key: b, client_ca: c}}",
            "nobody may do anything"},
           {"{url: \"tls+tcp://0.0.0.0:1\", tls: {cert: a}, roles: {reader: [\"cert:*\"]}}",
            "missing key 'key'"},
           {"{url: \"tls+tcp://0.0.0.0:1\", tls: {cert: a, key: b}, roles: {reader: [\"cert:*\"]}}",
            "has no client_ca to check them by"},
           {"{url: \"tls+tcp://0.0.0.0:1\", tls: {cert: a, key: b}, roles: {reader: [anyone]}}",
            "beyond loopback that would be anybody at all"},
           {"{url: \"tls+tcp://0.0.0.0:1\", tls: {cert: a, key: b, crl: c}, roles: {reader: "
            "[\"token:x\"]}}",
            "crl is of client_ca"},
           {"{url: \"tcp://127.0.0.1:1\", tls: {cert: a, key: b}, roles: {reader: [anyone]}}",
            "is for tls+tcp:// and wss:// only"}})
    EXPECT_NE(outcome(item, rich()).find(says), std::string::npos) << item << "\n"
                                                                   << outcome(item, rich());
  EXPECT_NE(outcome("{url: \"tls+tcp://0.0.0.0:1\", tls: {cert: a, key: b}, roles: {reader: "
                    "[\"token:x\"]}}",
                    rich(Audience::events))
                .find("a subscriber cannot send a token"),
            std::string::npos);
}

// Who may sign with one authority would be able to act for, and own the jobs of, another's names.
TEST(Listener, ANameOfTwoAuthoritiesIsWarnedOf) {
  const auto warnings = [](const std::string& ca, const std::string& role) {
    Checker check("d.yaml");
    const YamlNode root = check.parse(
        "- {url: \"tls+tcp://0.0.0.0:1\", tls: {cert: a, key: b, client_ca: ca.pem}, roles: "
        "{submitter: [\"cert:*\"]}}\n"
        "- {url: \"tls+tcp://0.0.0.0:2\", tls: {cert: a, key: b, client_ca: " +
        ca + "}, roles: {submitter: [\"" + role + "\"]}}\n");
    std::vector<Listener> others;
    for (const YamlNode& item : root.items) {
      others.push_back(read_listener(item, rich(), check));
      if (others.size() == 2) check_files(item, others[1], {others[0]}, check);
    }
    return check.warnings();
  };
  const auto of_two = warnings("other.pem", "cert:ops");
  ASSERT_EQ(of_two.size(), 1u);
  EXPECT_NE(of_two[0].find("is the same identity as one of that name of /etc/domed/ca.pem"),
            std::string::npos)
      << of_two[0];
  EXPECT_TRUE(warnings("ca.pem", "cert:ops").empty());
  EXPECT_TRUE(warnings("other.pem", "token:x").empty());
}

TEST(Listener, TellsWhoMayWhatInWords) {
  const std::string group = rich().group;
  const auto ipc = words("ipc:///c");
  EXPECT_NE(std::find(ipc.begin(), ipc.end(),
                      "the members of group " + group +
                          ": submitter, may read every job's output, run the deployment's tools, "
                          "and end what they submitted"),
            ipc.end());
  EXPECT_EQ(words("{url: \"tls+tcp://0.0.0.0:1\", tls: {cert: a, key: b, client_ca: ca.pem}, "
                  "roles: {reader: [\"cert:*\"], submitter: [\"token:ci\", \"cert:ci-*\"]}}"),
            (std::vector<std::string>{
                "whoever sends the token called ci: submitter, may read every job's output, run "
                "the deployment's tools, and end what they submitted",
                "whoever shows a certificate whose name begins with ci- that /etc/domed/ca.pem "
                "signed: submitter, may read every job's output, run the deployment's tools, and "
                "end what they submitted",
                "whoever shows a certificate that /etc/domed/ca.pem signed: reader, may read every "
                "job's output"}));
}

TEST(Listener, KeysAreChecked) {
  EXPECT_EQ(outcome("{url: ipc:///c, rols: {}}"),
            "d.yaml:1:19: unknown key 'rols' in control.listen (did you mean 'roles'?)");
  EXPECT_EQ(outcome("{roles: {operator: [anyone]}}"),
            "d.yaml:1:3: control.listen: missing key 'url'");
  EXPECT_EQ(outcome("{url: ipc:///c, origins: [\"http://a\"]}"),
            "d.yaml:1:28: control.listen.origins are of web pages, which come over ws:// and "
            "wss:// only");
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
