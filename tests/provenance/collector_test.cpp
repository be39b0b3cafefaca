#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "domed/support/hash.h"
#include "scratch.h"

namespace domed::git {
namespace {

using Collector = GitScratch;

TEST_F(Collector, CleanRepository) {
  const std::string r = repository();
  const json record = collect(r);
  expect_complete(record);
  EXPECT_EQ(record["commit_sha"], git(r, {"rev-parse", "HEAD"}));
  EXPECT_EQ(record["tree_sha"], git(r, {"rev-parse", "HEAD^{tree}"}));
  EXPECT_EQ(record["ref"], "refs/heads/main");
  EXPECT_EQ(record["dirty_flag"], "false");
  EXPECT_EQ(record["changed_files"], 0);
  EXPECT_EQ(record["untracked_files"], 0);
  EXPECT_EQ(record["diff_sha256"], sha256_hex(""));
  EXPECT_EQ(record["submodules"], json::array());
  EXPECT_EQ(record["flags"], json::array());
  EXPECT_EQ(record["repo"]["name"], "r");
  EXPECT_EQ(record["repo"]["remote"], "unknown");
  EXPECT_EQ(record["repo"].value("remote_reason", ""), "the repository has no remote");
  EXPECT_TRUE(mentions(git(r, {"version"}), record["tool_versions"]["git"]));
}

TEST_F(Collector, ChangedFile) {
  const std::string r = repository();
  write(r + "/a", "two\n");
  const json record = collect(r);
  EXPECT_EQ(record["dirty_flag"], "true");
  EXPECT_EQ(record["changed_files"], 1);
  EXPECT_EQ(record["untracked_files"], 0);
  EXPECT_EQ(record["diff_sha256"].get<std::string>().size(), 64u);
  EXPECT_NE(record["diff_sha256"], sha256_hex(""));
}

TEST_F(Collector, DiffHashDependsOnContentOnly) {
  const std::string r = repository();
  write(r + "/a", "two\n");
  const json first = collect(r);
  touch(r + "/a");
  git(r, {"config", "diff.noprefix", "true"});
  git(r, {"config", "diff.context", "9"});
  git(r, {"config", "color.ui", "always"});
  EXPECT_EQ(collect(r)["diff_sha256"], first["diff_sha256"]);
  write(r + "/a", "three\n");
  EXPECT_NE(collect(r)["diff_sha256"], first["diff_sha256"]);
}

TEST_F(Collector, DiffHashIsOptional) {
  const std::string r = repository();
  options.hash_diff = false;
  EXPECT_TRUE(mentions(collect(r).value("diff_sha256_reason", ""), "hash_diff"));
}

TEST_F(Collector, TouchedFileIsClean) {
  const std::string r = repository();
  touch(r + "/a");
  const json record = collect(r);
  EXPECT_EQ(record["dirty_flag"], "false");
  EXPECT_EQ(record["diff_sha256"], sha256_hex(""));
}

TEST_F(Collector, UntrackedFile) {
  const std::string r = repository();
  write(r + "/b", "");
  git(r, {"config", "status.showUntrackedFiles", "no"});
  git(r, {"config", "core.excludesFile", root + "/all"});
  write(root + "/all", "*\n");
  const json record = collect(r);
  EXPECT_EQ(record["dirty_flag"], "true");
  EXPECT_EQ(record["changed_files"], 0);
  EXPECT_EQ(record["untracked_files"], 1);
  EXPECT_EQ(record["diff_sha256"], sha256_hex(""));
}

TEST_F(Collector, StagedFile) {
  const std::string r = repository();
  write(r + "/b", "new\n");
  git(r, {"add", "b"});
  const json record = collect(r);
  EXPECT_EQ(record["dirty_flag"], "true");
  EXPECT_EQ(record["changed_files"], 1);
  EXPECT_NE(record["diff_sha256"], sha256_hex(""));
}

TEST_F(Collector, DeletedAndBinaryFiles) {
  const std::string r = repository();
  write(r + "/b", std::string("\0\1", 2));
  commit(r);
  write(r + "/b", std::string("\0\2", 2));
  const json binary = collect(r);
  EXPECT_EQ(binary["dirty_flag"], "true");
  std::filesystem::remove(r + "/a");
  const json both = collect(r);
  EXPECT_EQ(both["changed_files"], 2);
  EXPECT_NE(both["diff_sha256"], binary["diff_sha256"]);
}

TEST_F(Collector, ManyChangedFiles) {
  const std::string r = repository();
  for (int i = 0; i < 400; ++i) write(r + "/" + std::string(200, 'x') + std::to_string(i), "1");
  commit(r);
  for (int i = 0; i < 400; ++i) write(r + "/" + std::string(200, 'x') + std::to_string(i), "22");
  const json record = collect(r);
  EXPECT_EQ(record["changed_files"], 400);
  EXPECT_NE(record["diff_sha256"], "unknown");
}

TEST_F(Collector, ModeChangeCountsUnlessModesMeanNothing) {
  const std::string r = repository();
  ::chmod((r + "/a").c_str(), 0755);
  EXPECT_EQ(collect(r)["dirty_flag"], "true");
  git(r, {"config", "core.fileMode", "false"});
  const json record = collect(r);
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_TRUE(mentions(record.value("dirty_flag_reason", ""), "core.fileMode"));
  expect_complete(record);
}

TEST_F(Collector, NameInOtherCaseIsNotHidden) {
  const std::string r = repository();
  write(r + "/readme", "r\n");
  commit(r);
  write(r + "/README", "R\n");
  git(r, {"config", "core.ignoreCase", "true"});
  const json record = collect(r);
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_EQ(record["untracked_files"], "unknown");
  EXPECT_TRUE(mentions(record.value("dirty_flag_reason", ""), "core.ignoreCase=true"));
  expect_complete(record);
  write(r + "/a", "two\n");
  EXPECT_EQ(collect(r)["dirty_flag"], "true");
  git(r, {"config", "core.ignoreCase", "false"});
  EXPECT_EQ(collect(r)["untracked_files"], 1);
}

TEST_F(Collector, FileInPlaceOfALinkIsNotHidden) {
  const std::string r = repository();
  std::filesystem::create_symlink("a", r + "/link");
  commit(r);
  git(r, {"config", "core.symlinks", "false"});
  EXPECT_EQ(collect(r)["dirty_flag"], "false");
  std::filesystem::remove(r + "/link");
  write(r + "/link", "a");
  const json record = collect(r);
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_TRUE(mentions(record.value("dirty_flag_reason", ""), "core.symlinks=false"));
  expect_complete(record);
  write(r + "/link", "other");
  EXPECT_EQ(collect(r)["dirty_flag"], "true");
}

// git itself sees them by the file's size.
TEST_F(Collector, OtherLineEndsAreNotHidden) {
  const std::string r = repository();
  git(r, {"config", "core.autocrlf", "input"});
  write(r + "/a", "one\r\n");
  EXPECT_EQ(collect(r)["dirty_flag"], "true");
}

TEST_F(Collector, DeclaredMeaninglessHidesNoOtherChange) {
  const std::string r = repository();
  for (const char* setting : {"core.fileMode=false", "core.ignoreCase=true", "core.symlinks=false"})
    git(r, {"config", std::string(setting).substr(0, std::string(setting).find('=')),
            std::string(setting).substr(std::string(setting).find('=') + 1)});
  EXPECT_EQ(collect(r)["dirty_flag"], "false");
  write(r + "/b", "new\n");
  const json record = collect(r);
  EXPECT_EQ(record["dirty_flag"], "true");
  EXPECT_EQ(record["untracked_files"], 1);
  EXPECT_EQ(record["changed_files"], 0);
}

TEST_F(Collector, IgnoredFileIsNoChange) {
  const std::string r = repository();
  write(r + "/.gitignore", "*.o\n");
  commit(r);
  write(r + "/x.o", "");
  const json record = collect(r);
  EXPECT_EQ(record["dirty_flag"], "false");
  EXPECT_EQ(record["untracked_files"], 0);
}

TEST_F(Collector, NearestTag) {
  const std::string r = repository();
  EXPECT_EQ(collect(r).value("describe_reason", ""), "no tag is at or before this commit");
  git(r, {"tag", "v1.0"});
  EXPECT_EQ(collect(r)["describe"], "v1.0");
  git(r, {"commit", "-q", "--allow-empty", "-m", "m"});
  EXPECT_EQ(collect(r)["describe"], "v1.0-1-g" + git(r, {"rev-parse", "HEAD"}).substr(0, 12));
}

TEST_F(Collector, TimeAndAuthorOfTheCommit) {
  const std::string r = repository();
  git(r, {"-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-q",
          "--allow-empty", "--date=@100 +0200", "-m", "m"});
  const json plain = collect(r);
  EXPECT_EQ(plain["commit_time"].get<std::string>().substr(0, 19),
            git(r, {"log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%S"}));
  EXPECT_EQ(plain.value("author_hash_reason", ""), "the option author_hash is off");
  options.author_hash = true;
  EXPECT_EQ(collect(r)["author_hash"], sha256_hex("Ada <ada@example.org>"));
}

TEST_F(Collector, Sha256Repository) {
  const std::string r = root + "/r";
  std::filesystem::create_directories(r);
  git(r, {"init", "-q", "--object-format=sha256"});
  write(r + "/a", "one\n");
  commit(r);
  const json clean = collect(r);
  expect_complete(clean);
  EXPECT_EQ(clean["commit_sha"].get<std::string>().size(), 64u);
  EXPECT_EQ(clean["commit_sha"], git(r, {"rev-parse", "HEAD"}));
  EXPECT_EQ(clean["dirty_flag"], "false");
  write(r + "/a", "two\n");
  EXPECT_EQ(collect(r)["dirty_flag"], "true");
}

// One blob under a million names; none of them is checked out.
TEST_F(Collector, AMillionFilesAreKnownOrUnknownButNotWaitedFor) {
  const std::string r = repository();
  const std::string blob = git(r, {"rev-parse", "HEAD:a"});
  const program::Outcome made =
      program::run({.program = "/bin/sh",
                    .arguments = {"-c", "seq -f '100644 " + blob +
                                            "\td%.0f' 1000000 | git update-index --index-info"},
                    .directory = r,
                    .environment = {"PATH=/usr/bin:/bin"},
                    .deadline = program::Clock::now() + std::chrono::seconds(120)});
  ASSERT_TRUE(made.ok()) << made.err;
  const auto begin = program::Clock::now();
  const json record = collect(r, std::chrono::seconds(2));
  EXPECT_LT(program::Clock::now() - begin, std::chrono::seconds(20));
  expect_complete(record);
  EXPECT_NE(record["dirty_flag"], "false");
  if (record["dirty_flag"] == "unknown") {
    EXPECT_EQ(record.value("dirty_flag_reason", ""), "timed out after 2s");
  }
}

TEST_F(Collector, Subdirectory) {
  const std::string r = repository();
  write(r + "/d/e/f", "x");
  commit(r);
  const json record = collect(r + "/d/e");
  EXPECT_EQ(record["dirty_flag"], "false");
  EXPECT_FALSE(has_flag(record, "nested"));
  EXPECT_EQ(record["repo"]["name"], "r");
  EXPECT_EQ(record["repo"]["subdirectory"], "d/e");
  EXPECT_EQ(collect(r)["repo"]["subdirectory"], ".");
}

TEST_F(Collector, SymbolicLinkToARepository) {
  repository();
  std::filesystem::create_directory_symlink(root + "/r", root + "/link");
  EXPECT_EQ(collect(root + "/link")["dirty_flag"], "false");
}

TEST_F(Collector, UnbornBranch) {
  std::filesystem::create_directories(root + "/u");
  git(root + "/u", {"init", "-q"});
  write(root + "/u/a", "x");
  const json record = collect(root + "/u");
  expect_complete(record);
  EXPECT_TRUE(has_flag(record, "unborn"));
  EXPECT_EQ(record["commit_sha"], "unknown");
  EXPECT_EQ(record.value("commit_sha_reason", ""), "there is no commit yet on refs/heads/main");
  EXPECT_EQ(record["ref"], "refs/heads/main");
  EXPECT_EQ(record["dirty_flag"], "true");
  EXPECT_EQ(record["diff_sha256"], "unknown");
}

TEST_F(Collector, UnbornBranchOfAnEmptyDirectory) {
  std::filesystem::create_directories(root + "/u");
  git(root + "/u", {"init", "-q"});
  const json record = collect(root + "/u");
  expect_complete(record);
  EXPECT_TRUE(has_flag(record, "unborn"));
  EXPECT_EQ(record["dirty_flag"], "false");
  EXPECT_EQ(record["untracked_files"], 0);
}

TEST_F(Collector, DetachedHead) {
  const std::string r = repository();
  git(r, {"checkout", "-q", "--detach"});
  const json record = collect(r);
  EXPECT_EQ(record["ref"], "detached");
  EXPECT_TRUE(has_flag(record, "detached"));
  EXPECT_EQ(record["dirty_flag"], "false");
}

TEST_F(Collector, BareRepository) {
  git(root, {"clone", "-q", "--bare", repository(), "b.git"});
  const json record = collect(root + "/b.git");
  expect_complete(record);
  EXPECT_TRUE(has_flag(record, "bare"));
  EXPECT_EQ(record["commit_sha"], git(root + "/r", {"rev-parse", "HEAD"}));
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_TRUE(mentions(record.value("dirty_flag_reason", ""), "bare"));
}

TEST_F(Collector, InsideTheGitDirectory) {
  const json record = collect(repository() + "/.git/refs");
  expect_complete(record);
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_TRUE(
      mentions(record.value("dirty_flag_reason", ""), "inside the repository's own directory"));
}

TEST_F(Collector, ShallowClone) {
  const std::string r = repository();
  write(r + "/a", "two\n");
  commit(r);
  git(root, {"clone", "-q", "--depth=1", "file://" + r, "s"});
  const json record = collect(root + "/s");
  EXPECT_TRUE(has_flag(record, "shallow"));
  EXPECT_EQ(record["dirty_flag"], "false");
  EXPECT_EQ(record["repo"]["remote"], "file://" + r);
}

TEST_F(Collector, LinkedWorktree) {
  git(repository(), {"worktree", "add", "-q", root + "/w"});
  const json record = collect(root + "/w");
  EXPECT_TRUE(has_flag(record, "worktree"));
  EXPECT_EQ(record["ref"], "refs/heads/w");
  EXPECT_EQ(record["dirty_flag"], "false");
}

TEST_F(Collector, SparseCheckout) {
  const std::string r = repository();
  write(r + "/d/x", "x");
  write(r + "/e/y", "y");
  commit(r);
  git(r, {"sparse-checkout", "set", "d"});
  const json record = collect(r);
  EXPECT_TRUE(has_flag(record, "sparse") && has_flag(record, "skip-worktree"));
  EXPECT_EQ(record["dirty_flag"], "false");
  write(r + "/e/y", "changed");
  EXPECT_EQ(collect(r)["dirty_flag"], "true");
}

TEST_F(Collector, AssumeUnchangedHidesNothing) {
  const std::string r = repository();
  git(r, {"update-index", "--assume-unchanged", "a"});
  write(r + "/a", "changed\n");
  const json record = collect(r);
  expect_complete(record);
  EXPECT_TRUE(has_flag(record, "assume-unchanged"));
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_EQ(record["changed_files"], "unknown");
  EXPECT_EQ(record["diff_sha256"], "unknown");
  write(r + "/new", "");
  EXPECT_EQ(collect(r)["dirty_flag"], "true");
}

TEST_F(Collector, SkipWorktreeHidesNothing) {
  const std::string r = repository();
  git(r, {"update-index", "--skip-worktree", "a"});
  EXPECT_EQ(collect(r)["dirty_flag"], "false");
  write(r + "/a", "changed\n");
  const json changed = collect(r);
  EXPECT_TRUE(has_flag(changed, "skip-worktree"));
  EXPECT_EQ(changed["dirty_flag"], "true");
  std::filesystem::remove(r + "/a");
  EXPECT_EQ(collect(r)["dirty_flag"], "unknown");
}

TEST_F(Collector, CleanSubmodule) {
  const std::string outer = with_submodule();
  const json record = collect(outer);
  EXPECT_EQ(record["dirty_flag"], "false");
  const std::string head = git(outer + "/sub", {"rev-parse", "HEAD"});
  EXPECT_EQ(record["submodules"],
            json::array({{{"path", "sub"}, {"commit", head}, {"dirty", "false"}}}));
}

TEST_F(Collector, DirtySubmodule) {
  const std::string outer = with_submodule();
  git(outer, {"config", "submodule.sub.ignore", "all"});
  write(outer + "/sub/a", "changed\n");
  const json record = collect(outer);
  EXPECT_EQ(record["dirty_flag"], "true");
  EXPECT_EQ(record["changed_files"], 1);
  EXPECT_EQ(record["submodules"][0]["dirty"], "true");
  EXPECT_EQ(record["diff_sha256"], sha256_hex(""));
}

TEST_F(Collector, MovedSubmodule) {
  const std::string outer = with_submodule();
  write(outer + "/sub/a", "changed\n");
  commit(outer + "/sub");
  const json record = collect(outer);
  EXPECT_EQ(record["dirty_flag"], "true");
  EXPECT_EQ(record["changed_files"], 1);
  EXPECT_EQ(record["submodules"][0]["dirty"], "false");
  EXPECT_EQ(record["submodules"][0]["commit"], git(outer + "/sub", {"rev-parse", "HEAD"}));
}

TEST_F(Collector, SubmoduleThatIsNotCheckedOut) {
  const std::string outer = with_submodule();
  git(outer, {"submodule", "--quiet", "deinit", "--force", "sub"});
  const json record = collect(outer);
  EXPECT_EQ(record["dirty_flag"], "false");
  EXPECT_EQ(record["submodules"][0]["dirty"], "unknown");
  EXPECT_EQ(record["submodules"][0].value("dirty_reason", ""), "it is not checked out");
  write(outer + "/sub/stray", "");
  EXPECT_EQ(collect(outer)["dirty_flag"], "unknown");
}

TEST_F(Collector, SubmoduleOfASubmodule) {
  const std::string outer = with_submodule(), top = repository("top");
  git(top, {"submodule", "--quiet", "add", outer, "mid"});
  git(top, {"submodule", "--quiet", "update", "--init", "--recursive"});
  commit(top);
  write(top + "/mid/sub/a", "changed\n");
  const json record = collect(top);
  EXPECT_EQ(record["changed_files"], 1);
  ASSERT_EQ(record["submodules"].size(), 2u);
  EXPECT_EQ(record["submodules"][1]["path"], "mid/sub");
  EXPECT_EQ(record["submodules"][1]["dirty"], "true");
}

TEST_F(Collector, NestedInAnIgnoredDirectory) {
  const std::string r = repository();
  write(r + "/.gitignore", "scratch\n");
  commit(r);
  write(r + "/scratch/job/file", "not in the commit");
  const json record = collect(r + "/scratch/job");
  expect_complete(record);
  EXPECT_TRUE(has_flag(record, "nested"));
  EXPECT_EQ(record["commit_sha"], git(r, {"rev-parse", "HEAD"}));
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_TRUE(mentions(record.value("dirty_flag_reason", ""), "nested in " + r));
}

TEST_F(Collector, NestedInAnUntrackedDirectory) {
  const std::string r = repository();
  std::filesystem::create_directories(r + "/empty");
  EXPECT_EQ(collect(r + "/empty")["dirty_flag"], "unknown");
  write(r + "/new/file", "");
  const json record = collect(r + "/new");
  EXPECT_TRUE(has_flag(record, "nested"));
  EXPECT_EQ(record["dirty_flag"], "true");
}

TEST_F(Collector, ForeignOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const std::string r = repository();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(r)) {
    ASSERT_EQ(::lchown(entry.path().c_str(), 12345, 12345), 0);
  }
  ASSERT_EQ(::lchown(r.c_str(), 12345, 12345), 0);
  const json clean = collect(r);
  EXPECT_EQ(clean["dirty_flag"], "false");
  EXPECT_TRUE(has_flag(clean, "foreign-owner"));
  write(r + "/a", "changed\n");
  EXPECT_EQ(collect(r)["dirty_flag"], "true");
  options.texts["foreign_owner"] = "refuse";
  const json record = collect(r);
  expect_complete(record);
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_TRUE(mentions(record.value("dirty_flag_reason", ""), "another user's repository"));
  EXPECT_FALSE(mentions(record.dump(), git(r, {"log", "-1", "--format=%H"}, false)) &&
               !git(r, {"log", "-1", "--format=%H"}, false).empty());
}

TEST_F(Collector, HostEnvironmentIsNotFollowed) {
  const std::string r = repository(), other = repository("other");
  write(other + "/a", "other\n");
  commit(other);
  ::setenv("GIT_DIR", (other + "/.git").c_str(), 1);
  ::setenv("GIT_WORK_TREE", other.c_str(), 1);
  ::setenv("GIT_INDEX_FILE", (other + "/.git/index").c_str(), 1);
  const json record = collect(r);
  for (const char* name : {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}) ::unsetenv(name);
  EXPECT_EQ(record["commit_sha"], git(r, {"rev-parse", "HEAD"}));
  EXPECT_EQ(record["dirty_flag"], "false");
}

TEST_F(Collector, RemoteWithoutItsSecrets) {
  const std::string r = repository();
  git(r, {"remote", "add", "origin", "https://user:hunter2@Example.org/x/project.git"});
  git(r, {"config", "url.https://token@mirror.example.org/.insteadOf", "https://user"});
  const json record = collect(r);
  EXPECT_EQ(record["repo"]["remote"], "https://example.org/x/project.git");
  EXPECT_EQ(record["repo"]["name"], "project");
  EXPECT_FALSE(mentions(record, "hunter2"));
  EXPECT_FALSE(mentions(record, "token"));
}

TEST_F(Collector, RemoteOfTheBranchComesFirst) {
  const std::string r = repository();
  git(r, {"remote", "add", "origin", "https://example.org/origin"});
  git(r, {"remote", "add", "fork", "git@example.org:me/fork.git"});
  EXPECT_EQ(collect(r)["repo"]["name"], "origin");
  git(r, {"config", "branch.main.remote", "fork"});
  EXPECT_EQ(collect(r)["repo"]["remote"], "ssh://git@example.org/me/fork.git");
}

TEST_F(Collector, RemoteIsNotGuessedAmongSeveral) {
  const std::string r = repository();
  git(r, {"remote", "add", "one", "https://example.org/one"});
  EXPECT_EQ(collect(r)["repo"]["name"], "one");
  git(r, {"remote", "add", "two", "https://example.org/two"});
  EXPECT_TRUE(mentions(collect(r)["repo"].value("remote_reason", ""), "several remotes"));
}

TEST_F(Collector, FilteredPathThatMayDifferIsUnknown) {
  const std::string r = repository();
  write(r + "/.gitattributes", "*.big filter=lfs\n");
  git(r, {"config", "filter.lfs.clean", "tr a-z A-Z"});
  write(r + "/x.big", "content\n");
  touch(r + "/x.big", -100);  // as old as files usually are when they are committed
  commit(r);
  EXPECT_EQ(collect(r)["dirty_flag"], "false");
  touch(r + "/x.big");
  git(r, {"config", "--unset", "filter.lfs.clean"});  // as where it is defined for the user
  const json record = collect(r);
  expect_complete(record);
  EXPECT_EQ(record["dirty_flag"], "unknown");
  EXPECT_TRUE(mentions(record.value("dirty_flag_reason", ""), "filter"));
  EXPECT_EQ(record["diff_sha256"], "unknown");
  write(r + "/a", "changed\n");
  EXPECT_EQ(collect(r)["dirty_flag"], "true");
}

TEST_F(Collector, NamesThatAreNotUtf8) {
  const std::string r = repository();
  git(r, {"remote", "add", "origin", "/srv/\xff\xfe"});
  write(r + "/\xff", "");
  const json record = collect(r);
  EXPECT_EQ(record["untracked_files"], 1);
  EXPECT_EQ(record["repo"]["remote"], "/srv/\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_F(Collector, PathsWithALineBreakAreRefused) {
  const json record = collect(repository("line\nbreak"));
  EXPECT_EQ(record["commit_sha"], "unknown");
  EXPECT_TRUE(mentions(record.value("commit_sha_reason", ""), "line break"));
}

TEST_F(Collector, UnusualNames) {
  const std::string r = repository("a b'\"$(x);\t\xc3\xa4");
  write(r + "/:(top)x\n", "1");
  commit(r);
  write(r + "/:(top)x\n", "22");
  const json record = collect(r);
  EXPECT_EQ(record["changed_files"], 1);
  EXPECT_EQ(record["repo"]["name"], "a b'\"$(x);\t\xc3\xa4");
}

TEST_F(Collector, ServesSeveralThreads) {
  const std::string r = repository();
  GitCollector collector(options, host);
  std::vector<std::string> answers(8);
  std::vector<std::thread> threads;
  for (std::string& answer : answers) {
    threads.emplace_back([&] { answer = collector.collect({r, "", std::chrono::seconds(60)}); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& answer : answers) EXPECT_EQ(answer, answers[0]);
  EXPECT_EQ(json::parse(answers[0])["dirty_flag"], "false");
}

}  // namespace
}  // namespace domed::git
