#include <sys/stat.h>

#include "scratch.h"

// What git cannot or may not tell is unknown, for a reason that fits.
namespace domed::git {
namespace {

using Failure = GitScratch;

TEST_F(Failure, NotARepository) {
  const json record = collect(root);
  expect_complete(record);
  EXPECT_EQ(record["repo"], "unknown");
  EXPECT_TRUE(mentions(record.value("repo_reason", ""), "not a repository"));
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_NE(record["tool_versions"]["git"], "unknown");
}

TEST_F(Failure, NoSuchDirectory) {
  EXPECT_TRUE(mentions(collect(root + "/gone").value("repo_reason", ""), "does not exist"));
  EXPECT_TRUE(mentions(collect("").value("repo_reason", ""), "no working directory"));
  write(root + "/file", "");
  EXPECT_TRUE(mentions(collect(root + "/file").value("repo_reason", ""), "not a directory"));
}

TEST_F(Failure, GitIsAbsent) {
  const std::string r = repository();
  options.texts["git"] = "/nonexistent/git";
  const json record = collect(r);
  expect_complete(record);
  EXPECT_TRUE(mentions(record.value("commit_sha_reason", ""), "git is not installed"));
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_EQ(record["tool_versions"]["git"], "unknown");
  EXPECT_TRUE(mentions(host.logged, "git is not installed"));
}

TEST_F(Failure, GitIsNotInThePath) {
  options.texts["git"] = "no-such-git";
  EXPECT_TRUE(mentions(collect(root).value("repo_reason", ""), "not in the daemon's PATH"));
}

TEST_F(Failure, GitIsTooOldToBeSafe) {
  options.texts["git"] = script("git", "echo git version 2.30.2");
  const json record = collect(repository());
  EXPECT_TRUE(mentions(record.value("repo_reason", ""), "2.30.2, which cannot be called safely"));
}

TEST_F(Failure, GitIsSomethingElse) {
  options.texts["git"] = script("git", "echo hello");
  EXPECT_TRUE(mentions(collect(root).value("repo_reason", ""), "is not git"));
}

TEST_F(Failure, GitHangs) {
  options.texts["git"] = script("git",
                                "for w; do :; done; test \"$w\" = version || exec /bin/sleep 1000\n"
                                "echo git version 2.39.5");
  const json record = collect(repository(), std::chrono::milliseconds(300));
  expect_complete(record);
  EXPECT_EQ(record.value("commit_sha_reason", ""), "timed out after 300ms");
  EXPECT_EQ(record["tool_versions"]["git"], "2.39.5");
}

TEST_F(Failure, WhatIsKnownBeforeTheTimeLimitStays) {
  options.texts["git"] = script(
      "git",
      "for w; do test \"$w\" = status && exec /bin/sleep 1000; done\nexec /usr/bin/git \"$@\"");
  const std::string r = repository();
  const json record = collect(r, std::chrono::seconds(3));
  expect_complete(record);
  EXPECT_EQ(record["commit_sha"], git(r, {"rev-parse", "HEAD"}));
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_EQ(record.value("dirty_flag_reason", ""), "timed out after 3s");
}

TEST_F(Failure, FileThatBlocksIsCutOffByTheTimeLimit) {
  const std::string r = repository();
  ASSERT_EQ(::mkfifo((r + "/.gitignore").c_str(), 0600), 0);
  const json record = collect(r, std::chrono::seconds(2));
  expect_complete(record);
  EXPECT_EQ(record.value("dirty_flag_reason", ""), "timed out after 2s");
}

TEST_F(Failure, GitFails) {
  options.texts["git"] =
      script("git", "for w; do test \"$w\" = status && exit 128; done\nexec /usr/bin/git \"$@\"");
  const json record = collect(repository());
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_EQ(record.value("dirty_flag_reason", ""), "git refused: git status: no message");
}

TEST_F(Failure, GitIsKilled) {
  options.texts["git"] =
      script("git", "for w; do test \"$w\" = status && kill -9 $$; done\nexec /usr/bin/git \"$@\"");
  const std::string r = repository();
  const json record = collect(r);
  expect_complete(record);
  EXPECT_EQ(record["commit_sha"], git(r, {"rev-parse", "HEAD"}));
  EXPECT_EQ(record.value("dirty_flag_reason", ""), "git status was killed by signal 9");
}

TEST_F(Failure, GitsOwnWordsShowNoSecret) {
  options.texts["git"] = script("git",
                                "for w; do test \"$w\" = status && echo \"fatal: cannot read "
                                "'https://me:s3cret@h/r.git'\" >&2"
                                " && exit 128; done\nexec /usr/bin/git \"$@\"");
  const json record = collect(repository());
  EXPECT_TRUE(mentions(record["dirty_flag_reason"], "https://***@h/r.git"));
  EXPECT_FALSE(mentions(record, "s3cret"));
}

TEST_F(Failure, CorruptIndex) {
  const std::string r = repository();
  write(r + "/.git/index", "garbage, garbage, garbage, garbage, garbage");
  const json record = collect(r);
  expect_complete(record);
  EXPECT_EQ(record["commit_sha"], git(r, {"rev-parse", "HEAD"}));
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_TRUE(mentions(record.value("dirty_flag_reason", ""), "the repository is corrupt"));
}

TEST_F(Failure, CorruptHead) {
  const std::string r = repository();
  write(r + "/.git/refs/heads/main", "garbage\n");
  const json record = collect(r);
  expect_complete(record);
  EXPECT_FALSE(has_flag(record, "unborn"));
  EXPECT_TRUE(mentions(record.value("commit_sha_reason", ""), "corrupt"));
  EXPECT_NE(record["dirty_flag"], "false");
}

TEST_F(Failure, MissingCommitObject) {
  const std::string r = repository();
  std::filesystem::remove_all(r + "/.git/objects");
  std::filesystem::create_directories(r + "/.git/objects");
  const json record = collect(r);
  expect_complete(record);
  EXPECT_TRUE(mentions(record.value("commit_sha_reason", ""), "corrupt"));
  EXPECT_EQ(record["dirty_flag"], "unknown");
}

TEST_F(Failure, CorruptRepositoryIsNotMistakenForItsParent) {
  const std::string r = repository();
  std::filesystem::create_directories(r + "/inner/.git");
  const json record = collect(r + "/inner");
  EXPECT_EQ(record["commit_sha"], "unknown");
  EXPECT_TRUE(mentions(record.value("commit_sha_reason", ""), "there is a .git in " + r + "/inner"));
}

TEST_F(Failure, CorruptRepositoryIsNotCalledNone) {
  std::filesystem::create_directories(root + "/x/.git");
  EXPECT_TRUE(mentions(collect(root + "/x").value("repo_reason", ""), "corrupt"));
}

TEST_F(Failure, ValueOfASettingThatIsNotTakenIsNotShown) {
  const std::string r = repository(), before = read(r + "/.git/config");
  for (const auto& [setting, shown] : std::vector<std::pair<std::string, std::string>>{
           {"[core]\n\tautocrlf = \"x' for 's3cret\"\n", "core.autocrlf is none of"},
           {"[core]\n\trepositoryFormatVersion = s3cret\n", "core.repositoryFormatVersion is"},
           {"[extensions]\n\tobjectformat = s3cret\n", "extensions.objectFormat is"},
           {"[core]\n\tabbrev = s3cret \"\n", "bad config line"},
           {"[core]\n\tcompression = s3cret\n", "\"dirty_flag\":\"false\""},
           {"[push]\n\tdefault = s3cret\n", "\"dirty_flag\":\"false\""}}) {
    write(r + "/.git/config", before + setting);
    const std::string record = collect(r).dump();
    EXPECT_FALSE(mentions(record, "s3cret")) << record;
    EXPECT_TRUE(mentions(record, shown)) << setting << record;
  }
}

// Each is looked at in the place of a file that git would wait for, or that is somebody else's.
TEST_F(Failure, WhatIsNoRegularFileIsNotWaitedForNorRead) {
  int count = 0;
  for (const char* name : {"config", "info/exclude", "info/attributes", "index", "HEAD",
                           "refs/heads/main", "packed-refs", "shallow"}) {
    const std::string r = repository("r" + std::to_string(++count));
    std::filesystem::create_directories(r + "/.git/info");
    std::filesystem::remove(r + "/.git/" + name);
    ASSERT_EQ(::mkfifo((r + "/.git/" + name).c_str(), 0600), 0);
    const json fifo = collect(r);
    expect_complete(fifo);
    EXPECT_TRUE(mentions(fifo["dirty_flag_reason"], "is not a regular file")) << name;
    std::filesystem::remove(r + "/.git/" + name);
    std::filesystem::create_symlink(root + "/elsewhere", r + "/.git/" + name);
    EXPECT_TRUE(mentions(collect(r)["dirty_flag_reason"], "leads out of the repository")) << name;
  }
}

TEST_F(Failure, CorruptConfiguration) {
  const std::string r = repository();
  write(r + "/.git/config", "[garbage\n");
  const json record = collect(r);
  expect_complete(record);
  EXPECT_NE(record["dirty_flag"], "false");
  EXPECT_TRUE(mentions(record.value("repo_reason", ""), "corrupt"));
}

}  // namespace
}  // namespace domed::git
