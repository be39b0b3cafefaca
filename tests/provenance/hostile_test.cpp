#include <sys/stat.h>

#include "scratch.h"

namespace domed::git {
namespace {

// A repository that names programs wherever git lets it.  None may run: each
// would leave a marker.  And the index may not be written.
class Hostile : public GitScratch {
 protected:
  Hostile() : r(repository()) {
    // "pwned NAME" for commands that git runs through the shell, too.
    pwn = script("pwn", "echo \"$0 $*\" >> " + marker());
  }

  std::string marker() const { return root + "/marker"; }
  std::string index() const { return read(r + "/.git/index"); }
  void config(const std::string& key, const std::string& value) const {
    git(r, {"config", key, value});
  }

  // "expected": what the record says of dirtiness.
  json expect_harmless(const std::string& expected) {
    std::filesystem::remove(marker());  // what the set-up itself set off
    const std::string before = index();
    struct stat then, now;
    ::stat((r + "/.git/index").c_str(), &then);
    const json record = collect(r);
    ::stat((r + "/.git/index").c_str(), &now);
    EXPECT_EQ(read(marker()), "");
    EXPECT_FALSE(std::filesystem::exists(marker()));
    EXPECT_EQ(index(), before) << "the index was rewritten";
    EXPECT_EQ(now.st_ino, then.st_ino);
    EXPECT_EQ(record["dirty_flag"], expected) << record.dump(1);
    expect_complete(record);
    return record;
  }
  // That the trap works at all: plain git springs it.
  void expect_trap(std::vector<std::string> words) {
    std::filesystem::remove(marker());
    git(r, std::move(words), false);
    EXPECT_TRUE(std::filesystem::exists(marker())) << "the trap is not one";
  }

  std::string r, pwn;
};

TEST_F(Hostile, FsmonitorDoesNotRun) {
  config("core.fsmonitor", pwn);
  expect_trap({"status"});
  write(r + "/a", "changed\n");
  expect_harmless("true");
}

TEST_F(Hostile, CleanFilterDoesNotRun) {
  write(r + "/.gitattributes", "a filter=evil\n");
  commit(r);
  config("filter.evil.clean", pwn);
  config("filter.evil.required", "true");
  touch(r + "/a");
  expect_trap({"diff"});
  write(r + "/a", "changed\n");
  expect_harmless("unknown");
}

TEST_F(Hostile, ProcessFilterDoesNotRun) {
  write(r + "/.gitattributes", "a filter=evil\n");
  commit(r);
  config("filter.evil.process", pwn);
  write(r + "/a", "changed\n");
  expect_trap({"diff"});
  expect_harmless("unknown");
}

TEST_F(Hostile, FilterWithAnOddNameDoesNotRun) {
  write(r + "/.gitattributes", "a filter=e=v.i.l\nb filter=\n");
  write(r + "/b", "one\n");
  commit(r);
  config("filter.e=v.i.l.clean", pwn);
  write(r + "/.git/config", read(r + "/.git/config") + "[filter \"\"]\n\tclean = " + pwn + "\n");
  write(r + "/a", "two\n");
  write(r + "/b", "two\n");
  expect_trap({"diff"});
  expect_harmless("unknown");
}

TEST_F(Hostile, FilterOfAnIncludedFileDoesNotRun) {
  write(r + "/.gitattributes", "a filter=evil\n");
  commit(r);
  write(root + "/included",
        "[filter \"evil\"]\n\tclean = " + pwn + "\n[remote \"origin\"]\n\turl = /secret\n");
  config("include.path", root + "/included");
  write(r + "/a", "changed\n");
  expect_trap({"diff"});
  EXPECT_FALSE(mentions(expect_harmless("unknown"), "/secret"));
}

TEST_F(Hostile, ManyFiltersMakeNoDifference) {
  std::string text = read(r + "/.git/config");
  for (int i = 0; i < 65; ++i)
    text += "[filter \"f" + std::to_string(i) + "\"]\n\tclean = " + pwn + "\n";
  write(r + "/.git/config", text);
  expect_harmless("false");
}

// Somebody who answers each look at the configuration as it suits them: harmless at first, and
// with a program as soon as git goes on to the files.
TEST_F(Hostile, ConfigurationThatChangesBetweenLooksRunsNothing) {
  write(r + "/.gitattributes", "* filter=evil diff=evil\n");
  commit(r);
  touch(r + "/a");
  const std::string config = r + "/.git/config", calm = read(config);
  const std::string evil = "[filter \"evil\"]\n\tclean = " + pwn + "\n[core]\n\tfsmonitor = " +
                           pwn + "\n[diff \"evil\"]\n\ttextconv = " + pwn + "\n";
  write(root + "/calm", calm);
  write(root + "/evil", calm + evil);
  options.texts["git"] =
      script("git", "for w; do case $w in ls-files|status|diff|check-attr|describe) cat '" + root +
                        "/evil' >'" + config + "';; config|rev-parse) cat '" + root + "/calm' >'" +
                        config + "';; esac; done\nexec /usr/bin/git \"$@\"");
  expect_harmless("false");
  write(config, calm + evil);
  expect_trap({"diff"});
}

// The same by a fifo that an include names, which is answered anew each time.
TEST_F(Hostile, IncludesAreNotFollowed) {
  ASSERT_EQ(::mkfifo((r + "/.git/fifo").c_str(), 0600), 0);
  config("include.path", "fifo");
  expect_harmless("false");
}

// What the daemon may read and who made the directory may not, in each way that git knows to lead
// there.
TEST_F(Hostile, RepositoriesThatAreElsewhereAreNotTold) {
  const std::string secret = repository("secret") + "/.git";
  const std::string id = git(root + "/secret", {"rev-parse", "HEAD"});
  git(root + "/secret", {"remote", "add", "origin", "https://example.org/hidden"});
  const auto expect_nothing = [&](const std::string& way) {
    const json record = collect(root + "/" + way);
    EXPECT_EQ(record["commit_sha"], "unknown") << way;
    EXPECT_FALSE(mentions(record, id)) << way << record.dump(1);
    EXPECT_FALSE(mentions(record, "hidden")) << way;
    expect_complete(record);
    return record["repo_reason"];
  };
  write(root + "/file/.git", "gitdir: " + secret + "\n");
  EXPECT_TRUE(mentions(expect_nothing("file"), "does not name that directory"));
  std::filesystem::create_directories(root + "/link");
  std::filesystem::create_directory_symlink(secret, root + "/link/.git");
  EXPECT_TRUE(mentions(expect_nothing("link"), "does not name that directory"));
  write(root + "/common/.git/HEAD", "ref: refs/heads/main\n");
  write(root + "/common/.git/commondir", secret + "\n");
  EXPECT_TRUE(mentions(expect_nothing("common"), "does not have it as a working tree"));
  git(root + "/secret", {"worktree", "add", "-q", root + "/honest"});
  EXPECT_EQ(collect(root + "/honest")["commit_sha"], id);
  write(root + "/worktree/.git", "gitdir: " + secret + "/worktrees/honest\n");
  EXPECT_TRUE(mentions(expect_nothing("worktree"), "is not of the working tree"));
  for (const char* part : {"objects", "refs", "refs/heads/main", "HEAD", "index", "config"}) {
    const std::string copy = root + "/copy";
    std::filesystem::copy(root + "/secret", copy, std::filesystem::copy_options::recursive);
    std::filesystem::remove_all(copy + "/.git/" + part);
    std::filesystem::create_symlink(secret + "/" + part, copy + "/.git/" + part);
    EXPECT_TRUE(mentions(collect(copy).dump(), "leads ")) << part;
    std::filesystem::remove_all(copy);
  }
}

TEST_F(Hostile, HooksDoNotRun) {
  std::filesystem::create_directories(r + "/.git/hooks");
  for (const char* hook : {"post-index-change", "post-checkout", "reference-transaction"}) {
    std::filesystem::copy_file(pwn, r + "/.git/hooks/" + hook);
  }
  touch(r + "/a");
  expect_trap({"status"});
  touch(r + "/a");
  expect_harmless("false");
}

TEST_F(Hostile, ExternalDiffDoesNotRun) {
  config("diff.external", pwn);
  write(r + "/a", "changed\n");
  expect_trap({"diff"});
  EXPECT_NE(expect_harmless("true")["diff_sha256"], "unknown");
}

TEST_F(Hostile, DiffDriverAndTextconvDoNotRun) {
  write(r + "/.gitattributes", "a diff=evil\nb diff=conv\n");
  write(r + "/b", "one\n");
  commit(r);
  config("diff.evil.command", pwn);
  config("diff.conv.textconv", pwn);
  write(r + "/a", "two\n");
  write(r + "/b", "two\n");
  expect_trap({"diff"});
  EXPECT_NE(expect_harmless("true")["diff_sha256"], "unknown");
}

TEST_F(Hostile, SignatureProgramPagerAndAliasesDoNotRun) {
  config("log.showSignature", "true");
  config("gpg.program", pwn);
  config("core.pager", pwn);
  config("pager.status", "true");
  config("alias.status", "!" + pwn);
  config("alias.rev-parse", "!" + pwn);
  config("core.editor", pwn);
  config("core.askPass", pwn);
  config("credential.helper", "!" + pwn);
  write(r + "/a", "changed\n");
  expect_harmless("true");
}

TEST_F(Hostile, PartialCloneFetchesNothing) {
  config("uploadpack.allowFilter", "true");
  const std::string origin = r;
  git(root, {"clone", "-q", "--no-checkout", "--filter=blob:none", "file://" + origin, "p"});
  r = root + "/p";
  git(r, {"reset", "-q", "--mixed"}, false);
  config("remote.origin.url", "ssh://localhost" + origin);
  config("core.sshCommand", pwn);
  config("protocol.ssh.allow", "always");
  write(r + "/a", "changed\n");
  expect_trap({"diff", "HEAD"});
  const json record = expect_harmless("true");
  EXPECT_TRUE(has_flag(record, "partial-clone"));
  EXPECT_EQ(record["diff_sha256"], "unknown");
  EXPECT_TRUE(mentions(record.value("diff_sha256_reason", ""), "partial clone"));
}

TEST_F(Hostile, PartialCloneRunsNoRemoteHelper) {
  config("uploadpack.allowFilter", "true");
  git(root, {"clone", "-q", "--no-checkout", "--filter=blob:none", "file://" + r, "p"});
  r = root + "/p";
  git(r, {"reset", "-q", "--mixed"}, false);
  config("remote.origin.url", "ext::" + pwn);
  config("protocol.ext.allow", "always");
  config("alias.remote-none", "!" + pwn);
  config("core.alternateRefsCommand", pwn);
  write(r + "/a", "changed\n");
  expect_trap({"diff", "HEAD"});
  const json record = expect_harmless("true");
  EXPECT_EQ(record["diff_sha256"], "unknown");
  EXPECT_TRUE(mentions(record["repo"].value("remote_reason", ""), "remote helper"));
}

TEST_F(Hostile, SubmoduleRunsNothing) {
  r = with_submodule();
  const std::string sub = r + "/sub";
  git(sub, {"config", "core.fsmonitor", pwn});
  git(sub, {"config", "filter.evil.clean", pwn});
  write(sub + "/.gitattributes", "a filter=evil\n");
  write(sub + "/a", "changed\n");
  config("status.submoduleSummary", "true");
  config("diff.submodule", "log");
  expect_trap({"status"});
  const json record = expect_harmless("true");
  EXPECT_EQ(record["submodules"][0]["dirty"], "true");
}

TEST_F(Hostile, SubmodulePathLeadsNowhereElse) {
  r = with_submodule();
  const std::string other = repository("other");
  std::filesystem::remove_all(r + "/sub");
  std::filesystem::create_directory_symlink(other, r + "/sub");
  const json record = expect_harmless("true");
  EXPECT_EQ(record["submodules"][0]["commit"], "unknown");
  EXPECT_TRUE(mentions(record["submodules"][0].value("commit_reason", ""), "symbolic link"));
}

TEST_F(Hostile, WorkTreeElsewhereIsRefused) {
  for (const char* elsewhere : {"/etc", "/", "../.."}) {
    config("core.worktree", elsewhere);
    const json record = expect_harmless("unknown");
    EXPECT_EQ(record["commit_sha"], "unknown") << elsewhere;
    EXPECT_TRUE(mentions(record.value("commit_sha_reason", ""), "core.worktree")) << elsewhere;
  }
}

TEST_F(Hostile, BareLookalikeWithAWorkTreeElsewhereIsRefused) {
  git(root, {"clone", "-q", "--bare", r, "b"});
  git(root + "/b", {"config", "core.bare", "false"});
  git(root + "/b", {"config", "core.worktree", "/etc"});
  EXPECT_TRUE(mentions(collect(root + "/b").value("commit_sha_reason", ""), "core.worktree"));
}

TEST_F(Hostile, IndexIsNotRewrittenThoughItIsStale) {
  touch(r + "/a");
  expect_harmless("false");
}

TEST_F(Hostile, ConfiguredCachesHideNothing) {
  git(r, {"update-index", "--untracked-cache"});
  git(r, {"status"});
  config("core.untrackedCache", "true");
  config("core.checkStat", "minimal");
  config("core.trustctime", "false");
  write(r + "/new", "");
  expect_harmless("true");
}

TEST_F(Hostile, LongNamesFitIntoOneRecord) {
  config("remote.origin.url", "https://example.org/" + std::string(5000, 'x'));
  git(r, {"symbolic-ref", "HEAD", "refs/heads/" + std::string(200, 'y')});
  write(r + "/.git/config",
        read(r + "/.git/config") + "[include]\n\tpath = " + std::string(3000, 'z') + "\n");
  EXPECT_LT(collect(r).dump().size(), 32768u);
}

}  // namespace
}  // namespace domed::git
