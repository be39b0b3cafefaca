#include <gtest/gtest.h>

#include <string>

#include "config.h"
#include "listing.h"

namespace domed::git {
namespace {

using namespace std::string_literals;

// Line by line: whatever else is in it is not for git.
TEST(ConfigListing, LeavesNothingButWordsThatAreKnown) {
  const Config config = parse_config(
      "filter.a.clean\nx\0core.fsmonitor\ny\0include.path\nz\0core.autocrlf\nINPUT\0"
      "core.eol\nlf\n[filter \"a\"]\n\0core.bigfilethreshold\n10m\0core.sshcommand\nx\0"
      "extensions.objectformat\nsha256\0core.repositoryformatversion\n1\0"s);
  EXPECT_EQ(config.refusal(), "");
  EXPECT_EQ(config.as_file(),
            "[core]\n\tbare = false\n\trepositoryFormatVersion = 1\n\tautocrlf = input\n"
            "\tbigFileThreshold = 10m\n[extensions]\n\tobjectFormat = sha256\n");
}

TEST(ConfigListing, RefusesWhatCannotBeReadWithoutKnowingIt) {
  for (const std::string& listing :
       {"core.repositoryformatversion\n2\0"s, "extensions.objectformat\nmd5\0"s,
        "core.repositoryformatversion\n1\0extensions.refstorage\nreftable\0"s,
        "core.autocrlf\nx\n[filter \"a\"]\0"s, "core.bare\ntrue\0core.worktree\n/\0"s})
    EXPECT_NE(parse_config(listing).refusal(), "") << listing;
}

TEST(ConfigListing, KeepsTheFirstUrlOfARemote) {
  const Config config = parse_config("remote.o.url\n1\0remote.o.url\n2\0branch.x.y.remote\no\0"s);
  EXPECT_EQ(config.remotes.at("o"), "1");
  EXPECT_EQ(config.branch_remotes.at("x.y"), "o");
}

TEST(ConfigListing, KnowsBooleansAsGitDoes) {
  EXPECT_TRUE(parse_config("core.sparsecheckout\0"s).sparse);
  EXPECT_TRUE(parse_config("core.sparsecheckout\nYes\0"s).sparse);
  EXPECT_FALSE(parse_config("core.sparsecheckout\ntrue\0core.sparsecheckout\nOFF\0"s).sparse);
  EXPECT_FALSE(parse_config("core.filemode\nfalse\0"s).file_mode);
}

TEST(ConfigListing, TellsPartialClones) {
  EXPECT_TRUE(parse_config("extensions.partialclone\norigin\0"s).partial);
  EXPECT_TRUE(parse_config("remote.o.promisor\ntrue\0"s).partial);
}

TEST(IndexListing, TakesEntriesInPiecesOfAnySize) {
  const std::string text =
      "H 100644 00 0\ta\0h 100644 00 0\td/b\0S 100644 00 0\tc\0H 160000 11 0\ts u\0"s;
  for (std::size_t size = 1; size <= text.size(); ++size) {
    IndexListing listing("/nonexistent", "d");
    for (std::size_t at = 0; at < text.size(); at += size) listing.feed(text.substr(at, size));
    EXPECT_TRUE(listing.complete() && listing.assume_unchanged() && listing.skip_worktree());
    EXPECT_TRUE(listing.inside_is_tracked() && listing.skipped_is_absent());
    ASSERT_EQ(listing.gitlinks().size(), 1u);
    EXPECT_EQ(listing.gitlinks()[0].path, "s u");
    EXPECT_EQ(listing.gitlinks()[0].commit, "11");
  }
}

TEST(IndexListing, IsIncompleteWhenCutOffOrMalformed) {
  for (const std::string& text : {"H 100644 00 0\ta"s, "H 100644\0"s, std::string(100000, 'x')}) {
    IndexListing listing("/", "");
    listing.feed(text);
    EXPECT_FALSE(listing.complete());
  }
}

TEST(StatusListing, CountsAndKeepsChanges) {
  const Status status = parse_status(
      "# branch.oid abc\0# branch.head main\0"
      "1 .M N... 100644 100644 100755 1 2 a b\0"
      "1 M. SC.. 160000 160000 160000 1 2 s\0"
      "u UU N... 100644 100644 100644 100644 1 2 3 u\0? x\0? y\0"s);
  EXPECT_EQ(status.head, "abc");
  EXPECT_EQ(status.untracked, 2u);
  ASSERT_EQ(status.changes.size(), 3u);
  EXPECT_EQ(status.changes[0].path, "a b");
  EXPECT_TRUE(status.changes[1].submodule);
  EXPECT_EQ(status.changes[2].path, "u");
}

TEST(CommitListing, NamesAuthorAndCommittersTime) {
  const CommitHeader header = parse_commit(
      "tree 1\nauthor A <b> C <a@b> 5 +0100\ncommitter D <d> 7 -0000\ngpgsig x\n y\n\nauthor X <x> "
      "9 +0\n");
  EXPECT_EQ(header.author, "A <b> C <a@b>");
  EXPECT_EQ(header.time, 7);
  for (const char* odd :
       {"", "author", "author x\n", "author <\ncommitter > \n", "committer A <a>\n"})
    EXPECT_FALSE(parse_commit(odd).time) << odd;
}

TEST(AttributeListing, NamesPathsWithAFilter) {
  const auto paths =
      parse_filtered("a\0filter\0lfs\0b\0filter\0unspecified\0c\0filter\0unset\0d\0filter\0\0"s);
  EXPECT_EQ(paths, (std::vector<std::string>{"a", "d"}));
}

}  // namespace
}  // namespace domed::git
