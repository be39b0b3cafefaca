#include "remote.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace domed::git {
namespace {

using Cases = std::vector<std::pair<const char*, const char*>>;

void expect_all(const Cases& cases) {
  for (const auto& [raw, expected] : cases) {
    EXPECT_EQ(normalise_remote(raw).url, expected) << raw << normalise_remote(raw).reason;
  }
}

TEST(Remote, LosesUserPasswordAndToken) {
  expect_all({{"https://user:secret@example.org/x/y.git", "https://example.org/x/y.git"},
              {"https://secret@example.org/x/y.git", "https://example.org/x/y.git"},
              {"https://user:sec@ret@example.org/x", "https://example.org/x"},
              {"ssh://secret@example.org/x", "ssh://example.org/x"},
              {"ssh://git:secret@example.org/x", "ssh://example.org/x"},
              {"https://git@example.org/x", "https://example.org/x"}});
}

TEST(Remote, KeepsTheCustomaryUserOfSsh) {
  expect_all({{"ssh://git@example.org/x.git", "ssh://git@example.org/x.git"},
              {"git@example.org:x/y.git", "ssh://git@example.org/x/y.git"}});
}

TEST(Remote, LosesQueryAndFragment) {
  expect_all({{"https://example.org/x?private_token=secret", "https://example.org/x"},
              {"https://example.org/x#secret", "https://example.org/x"},
              {"example.org:x?token=secret", "ssh://example.org/x"}});
}

TEST(Remote, LosesParametersAndEscapedQueries) {
  expect_all({{"https://example.org/x;token=secret", "https://example.org/x"},
              {"https://example.org/x/;token=sec/ret", "https://example.org/x"},
              {"https://example.org/x%3Ftoken=secret", "https://example.org/x"},
              {"https://example.org/x%3ftoken=secret", "https://example.org/x"},
              {"https://example.org/x%3Btoken=secret", "https://example.org/x"},
              {"https://example.org/x%23secret", "https://example.org/x"},
              {"me@example.org:x;token=secret", "ssh://example.org/x"},
              {"https://example.org/x%20y", "https://example.org/x%20y"}});
}

TEST(Remote, HasOneSpelling) {
  expect_all({{"HTTPS://Example.ORG:443/X/y/", "https://example.org/X/y"},
              {"ssh://git@example.org:22/x", "ssh://git@example.org/x"},
              {"ssh://git@example.org:2222/x", "ssh://git@example.org:2222/x"},
              {"me@example.org:/srv/x", "ssh://example.org/srv/x"},
              {"[::1]:x", "ssh://[::1]/x"},
              {"https://[::1]:8080/x", "https://[::1]:8080/x"},
              {"https://example.org/@scope/x", "https://example.org/@scope/x"}});
}

TEST(Remote, MayBeAPath) {
  expect_all({{"/srv/git/x.git", "/srv/git/x.git"},
              {"../x", "../x"},
              {"file:///srv/git/x/", "file:///srv/git/x"}});
}

TEST(Remote, IsRefusedWhereASecretMayHide) {
  for (const char* raw :
       {"https://user:sec/ret@example.org/x", "https://user:12/secret@example.org/x",
        "https://user:sec?ret@example.org/x", "https://sec#ret@example.org/x",
        "https:/user:secret@example.org/x", "https//user:secret@example.org/x",
        "//user:secret@example.org/x", "https//secret@example.org/x", "ext::sh -c secret",
        "helper::https://user:secret@example.org/x", "https://example.org/x\nsecret",
        "https://user:secret@", ""}) {
    const Remote remote = normalise_remote(raw);
    EXPECT_EQ(remote.url, "") << raw;
    EXPECT_NE(remote.reason, "") << raw;
    EXPECT_EQ(remote.reason.find("secret@"), std::string::npos) << raw;
  }
}

TEST(Remote, NeverShowsTheSecretOfAScpAddress) {
  for (const char* raw :
       {"user:secret@example.org:x", "user:sec/secret@example.org:x", "secret@example.org:x"}) {
    EXPECT_EQ(normalise_remote(raw).url.find("secret"), std::string::npos) << raw;
  }
}

TEST(Remote, IsRefusedWhenTooLong) {
  EXPECT_EQ(normalise_remote("https://example.org/" + std::string(2000, 'x')).url, "");
}

TEST(RepoName, IsTheLastPartOfAPath) {
  for (const auto& [path, name] : Cases{{"https://example.org/x/y.git", "y"},
                                        {"https://example.org", ""},
                                        {"/srv/x/.git", "x"},
                                        {"/srv/x.git/", "x"},
                                        {"../x", "x"},
                                        {"/", ""}}) {
    EXPECT_EQ(repo_name(path), name) << path;
  }
}

}  // namespace
}  // namespace domed::git
