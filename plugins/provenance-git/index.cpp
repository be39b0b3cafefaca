#include "index.h"

#include "listing.h"
#include "submodules.h"

namespace domed::git {
namespace {

// Of a million entries some 100 MiB; it is read as it comes, so that this bounds time.
constexpr std::size_t kMaxIndexListing = std::size_t{1} << 30;

void check_marks(const IndexListing& listing, Inquiry& inquiry) {
  if (listing.assume_unchanged()) {
    inquiry.findings.flags.insert("assume-unchanged");
    inquiry.doubt("paths are marked assume-unchanged, which hides changes in them");
  }
  // Of these only the absent ones are hidden: status is asked with core.sparseCheckout, under
  // which git looks at a marked path that is there.
  if (listing.skip_worktree()) inquiry.findings.flags.insert("skip-worktree");
  if (listing.skipped_is_absent() && !inquiry.repository.config.sparse)
    inquiry.doubt("paths marked skip-worktree are missing, and this is no sparse checkout");
}

}  // namespace

void examine_index(Inquiry& inquiry) {
  const std::string& top = inquiry.repository.top;
  const std::string inside = below_top(inquiry.repository);
  IndexListing listing(top, inside);
  // Without core.sparseCheckout, which would make marks invisible.
  const Outcome outcome =
      inquiry.call({.arguments = {"ls-files", "-v", "--stage", "-z"},
                    .directory = top,
                    .max_out = kMaxIndexListing,
                    .sink = [&](std::string_view piece) { listing.feed(piece); }});
  if (!outcome.ok() || !listing.complete()) {
    const std::string why = outcome.ok() ? "the repository is corrupt: its index cannot be listed"
                                         : inquiry.reason("ls-files", outcome);
    inquiry.findings.flags_reason = why;
    inquiry.findings.submodules = Known<std::vector<SubmoduleState>>::not_known(why);
    inquiry.doubt(why);
    return;
  }
  // A build directory in somebody's home that is a repository: its commit says nothing about
  // what runs here, and "clean" would be a lie.
  if (!inside.empty() && !listing.inside_is_tracked()) {
    inquiry.findings.flags.insert("nested");
    inquiry.dirty_doubt.add("the working directory is nested in " + top +
                            ", which tracks nothing in it");
  }
  check_marks(listing, inquiry);
  examine_submodules(listing, inquiry);
}

}  // namespace domed::git
