#include "changes.h"

#include <algorithm>
#include <set>

#include "diff.h"
#include "listing.h"

namespace domed::git {
namespace {

using Count = Known<std::uint64_t>;

constexpr std::size_t kMaxStatus = 16 << 20;
// Of paths handed to one process.  The kernel takes 128 KiB for one argument, and a quarter of
// the stack (2 MiB usually) for all of them and the environment.
constexpr std::size_t kMaxPathBytes = 64 << 10;

// "which": Differences::all finds whatever is there; declared, what the repository minds.
Outcome ask_status(const Inquiry& inquiry, Differences which) {
  return inquiry.call(
      {.arguments = {"status", "--porcelain=v2", "-z", "--branch", "--no-ahead-behind",
                     "--no-renames", "--untracked-files=normal", "--ignore-submodules=dirty"},
       .directory = inquiry.repository.top,
       .settings = comparison_settings(inquiry.repository.config, which),
       .max_out = kMaxStatus});
}

// Those of "changes" that have a filter, sorted.  In portions, for the length of an argument
// list is limited.
std::vector<std::string> filtered(const Inquiry& inquiry, const std::vector<Change>& changes) {
  std::vector<std::string> out;
  for (auto change = changes.begin(); change != changes.end();) {
    Call ask{.arguments = {"check-attr", "-z", "filter", "--"},
             .directory = inquiry.repository.top};
    const std::size_t fixed = ask.arguments.size();
    for (std::size_t bytes = 0; change != changes.end() && bytes < kMaxPathBytes; ++change) {
      if (change->unstaged != 'M' || change->submodule) continue;
      ask.arguments.push_back(change->path);
      bytes += change->path.size() + sizeof(char*);
    }
    if (ask.arguments.size() == fixed) break;
    const std::vector<std::string> asked(ask.arguments.begin() + static_cast<long>(fixed),
                                         ask.arguments.end());
    const Outcome outcome = inquiry.call(ask);
    // Not to know of a filter is to have to expect one.
    const std::vector<std::string> found = outcome.ok() ? parse_filtered(outcome.out) : asked;
    out.insert(out.end(), found.begin(), found.end());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// The differences that remain where the repository's word is taken for what
// means nothing here.  Another count is a doubt: whether a name in other case is
// another file, or a file in place of a link a change, cannot be told from here.
Status minded(Inquiry& inquiry, const Status& all) {
  const std::string declared = inquiry.repository.config.declared_meaningless();
  if (declared.empty() || (all.changes.empty() && all.untracked == 0)) return all;
  const Outcome outcome = ask_status(inquiry, Differences::declared);
  if (!outcome.ok()) {
    inquiry.doubt(inquiry.reason("status", outcome));
    return {};
  }
  Status out = parse_status(outcome.out);
  const bool fewer = out.changes.size() != all.changes.size();
  if (fewer || out.untracked != all.untracked)
    inquiry.doubt("there are differences which " + declared + " declares meaningless");
  if (out.untracked != all.untracked)
    inquiry.findings.untracked = Count::not_known("some are only so if " + declared + " is wrong");
  return out;
}

// Whether one of the changes is certain.  Without its filter a path's content cannot be
// compared, whoever defines the filter (git-lfs does so outside the repository).
bool check_changes(Inquiry& inquiry, const Status& status) {
  const Repository& repository = inquiry.repository;
  const std::string head = repository.commit.value.value_or("(initial)");
  if (status.head != head && (repository.unborn || repository.commit.value))
    inquiry.doubt("HEAD moved while it was examined");
  const std::vector<std::string> filters = filtered(inquiry, status.changes);
  const Status certain = minded(inquiry, status);
  std::set<std::string> certain_paths;
  for (const Change& change : certain.changes) certain_paths.insert(change.path);
  bool certainly_dirty = certain.untracked > 0;
  bool by_filter = false, filter_in_diff = false;
  for (const Change& change : status.changes) {
    const bool filter = change.unstaged == 'M' && !change.submodule &&
                        std::binary_search(filters.begin(), filters.end(), change.path);
    filter_in_diff |= filter;
    if (change.staged != '.') {
      certainly_dirty = true;  // the index against HEAD: two blobs, which no filter touches
    } else if (filter) {
      by_filter = true;
    } else {
      certainly_dirty |= certain_paths.count(change.path) > 0;
    }
  }
  const std::string filter_why = "paths with a filter may differ; filters are not run";
  if (by_filter) inquiry.doubt(filter_why, false);
  if (filter_in_diff) inquiry.diff_doubt.add(filter_why);
  return certainly_dirty;
}

// How many submodules have changes of their own that "status" does not list: each is a change,
// once, of this repository.  "dirty": whether there is any, listed or not.
std::uint64_t changed_submodules(const Inquiry& inquiry, const Status& status, bool& dirty) {
  if (!inquiry.findings.submodules.value) return 0;
  const auto listed = [&](const std::string& path) {
    return std::any_of(status.changes.begin(), status.changes.end(),
                       [&](const Change& change) { return change.path == path; });
  };
  std::uint64_t more = 0;
  std::string within;  // the submodule whose own submodules follow it
  for (const SubmoduleState& state : *inquiry.findings.submodules.value) {
    if (!within.empty() && state.path.starts_with(within)) continue;
    within = state.path + "/";
    if (!state.dirty.value.value_or(false)) continue;
    dirty = true;
    if (!listed(state.path)) ++more;
  }
  return more;
}

}  // namespace

void no_changes_known(Inquiry& inquiry, const std::string& reason) {
  Findings& findings = inquiry.findings;
  findings.dirty = Known<bool>::not_known(reason);
  findings.changed = findings.untracked = Count::not_known(reason);
  findings.diff = Known<std::string>::not_known(reason);
  findings.submodules = Known<std::vector<SubmoduleState>>::not_known(reason);
}

void examine_changes(Inquiry& inquiry, bool hash_diff) {
  Findings& findings = inquiry.findings;
  const Outcome outcome = ask_status(inquiry, Differences::all);
  if (!outcome.ok() && !outcome.truncated) {
    const std::string why = inquiry.reason("status", outcome);
    findings.dirty = Known<bool>::not_known(why);
    findings.changed = findings.untracked = Count::not_known(why);
    findings.diff = Known<std::string>::not_known(why);
    return;
  }
  const Status status = parse_status(outcome.out);
  findings.untracked = Count::of(status.untracked);
  bool certainly_dirty = outcome.truncated;  // 16 MiB of changes are changes
  if (outcome.truncated) {
    const std::string why = "there are more changes than are counted (16 MiB of paths)";
    findings.untracked = Count::not_known(why);
    inquiry.count_doubt.add(why);
    inquiry.diff_doubt.add(why);
  } else {
    certainly_dirty = check_changes(inquiry, status);
  }
  const std::uint64_t more = changed_submodules(inquiry, status, certainly_dirty);
  findings.changed = Count::of(status.changes.size() + more);

  // Only now, with all doubts in: one that came after the conclusion would be none.
  findings.dirty = Known<bool>::of(certainly_dirty);
  if (!certainly_dirty && !inquiry.dirty_doubt.none())
    findings.dirty = Known<bool>::not_known(inquiry.dirty_doubt.text());
  if (!inquiry.count_doubt.none()) findings.changed = Count::not_known(inquiry.count_doubt.text());
  findings.diff = inquiry.diff_doubt.none()
                      ? hash_difference(inquiry, status.changes.empty(), hash_diff)
                      : Known<std::string>::not_known(inquiry.diff_doubt.text());
}

}  // namespace domed::git
