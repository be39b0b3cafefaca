#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace domed::git {

struct Gitlink {
  std::string path, commit;
};

// Takes the output of "git ls-files -v --stage -z", piece by piece, and keeps
// only what matters of it: an index may have a million entries.
class IndexListing {
 public:
  // "top": the top-level directory; "inside": a directory below it, relative, or empty.
  IndexListing(std::string top, const std::string& inside);

  void feed(std::string_view piece);

  bool complete() const { return open_.empty() && !broken_; }
  bool assume_unchanged() const { return assume_unchanged_; }
  bool skip_worktree() const { return skip_worktree_; }
  // A path marked skip-worktree that is not there.
  bool skipped_is_absent() const { return skipped_is_absent_; }
  // Something below "inside" is tracked.
  bool inside_is_tracked() const { return inside_is_tracked_; }
  const std::vector<Gitlink>& gitlinks() const { return gitlinks_; }
  bool more_gitlinks() const { return more_gitlinks_; }

 private:
  void take(std::string_view entry);

  const std::string top_, inside_;
  std::string open_;  // the start of an entry that has not ended
  bool broken_ = false;
  bool assume_unchanged_ = false, skip_worktree_ = false, skipped_is_absent_ = false;
  bool inside_is_tracked_ = false, more_gitlinks_ = false;
  std::vector<Gitlink> gitlinks_;
};

// At most so many submodules are examined.
inline constexpr std::size_t kMaxSubmodules = 64;

// One changed path of "git status --porcelain=v2 -z".
struct Change {
  char staged = '.', unstaged = '.';
  bool submodule = false;
  std::string path;
};

struct Status {
  std::string head;  // commit id or "(initial)"
  std::vector<Change> changes;
  std::uint64_t untracked = 0;
};

// An entry that was cut off, at the end, is left out.
Status parse_status(std::string_view output);

// The paths, of the output of "git check-attr -z filter", that have a filter.
std::vector<std::string> parse_filtered(std::string_view output);

// What the header of a commit, as "git cat-file commit" prints it, says.
struct CommitHeader {
  std::string author;                // NAME <MAIL>; empty: none
  std::optional<std::int64_t> time;  // of the committer, seconds since 1970
};
CommitHeader parse_commit(std::string_view text);

}  // namespace domed::git
