#include "examine.h"

#include "changes.h"
#include "commit.h"
#include "domed/error.h"
#include "identity.h"
#include "index.h"
#include "inquiry.h"

namespace domed::git {
namespace {

// Whether there is a repository to ask.  Where there is none, or one that cannot be asked
// safely, that one reason is all that is known.
bool open(Inquiry& inquiry, const std::string& directory) {
  try {
    inquiry.repository = open_repository(inquiry.git, directory, inquiry.wishes.read_foreign,
                                         inquiry.deadline);
    return true;
  } catch (const Error& error) {
    inquiry.findings.problem = error.what();
    return false;
  }
}

// The order is that of what a job's reader needs most, since time may run out at any call:
// which commit, then whether it is all of the truth, then what adorns it.
void examine_tree(Inquiry& inquiry, bool hash_diff) {
  // HEAD and the configuration were read when the repository was opened.
  const std::string no_tree = find_identity(inquiry);
  if (!no_tree.empty()) return no_changes_known(inquiry, no_tree);
  // The index before the status: its marks, and its submodules' states, decide what the
  // status is worth.
  examine_index(inquiry);
  examine_changes(inquiry, hash_diff);
}

}  // namespace

Findings examine(const Git& git, const std::string& directory, const Wishes& wishes,
                 const Deadline& deadline) {
  std::size_t submodules = 0;
  Inquiry inquiry{git, wishes, deadline, submodules};
  if (!open(inquiry, directory)) return std::move(inquiry.findings);
  examine_tree(inquiry, wishes.hash_diff);
  // Last of all: of a long history "describe" may take what time there is.
  describe_commit(inquiry, wishes.author_hash);
  return std::move(inquiry.findings);
}

Findings examine_submodule(Inquiry& parent, const std::string& directory) {
  Inquiry inquiry{parent.git, parent.wishes, parent.deadline, parent.submodules};
  if (!open(inquiry, directory)) return std::move(inquiry.findings);
  // Its .git was seen to be there, so that git looks no further up.  One that calls itself bare
  // has no top at all, though: there is a commit, but not of what lies here.
  if (inquiry.repository.top != directory) {
    inquiry.findings.problem = "it belongs to another repository, " + inquiry.repository.place.git_dir;
    return std::move(inquiry.findings);
  }
  examine_tree(inquiry, false);
  return std::move(inquiry.findings);
}

}  // namespace domed::git
