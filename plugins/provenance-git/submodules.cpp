#include "submodules.h"

#include <dirent.h>
#include <sys/stat.h>

#include <cstdlib>
#include <memory>

#include "examine.h"

namespace domed::git {
namespace {

using States = std::vector<SubmoduleState>;

bool exists(const std::string& path) {
  struct stat info;
  return ::lstat(path.c_str(), &info) == 0;
}

// No part of it a symbolic link, which would lead out of the repository.
bool is_plain_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real && path == real.get();
}

bool is_empty_or_absent(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(path.c_str()), ::closedir);
  if (!listing) return !exists(path);
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return false;
  }
  return true;
}

// Adds the state of "link" to "out", and behind it those within it.
void examine_link(const Gitlink& link, Inquiry& inquiry, States& out) {
  const std::string& top = inquiry.repository.top;
  const std::string path = (top == "/" ? "" : top) + "/" + link.path;
  SubmoduleState state{link.path, Known<std::string>::of(link.commit), {}};
  if (!exists(path + "/.git")) {
    // As "git clone" leaves it without --recurse-submodules: nothing there that could be changed.
    const bool vacant = is_empty_or_absent(path);
    state.dirty = Known<bool>::not_known(vacant ? "it is not checked out"
                                                : "it is not a repository, but not empty");
    if (!vacant) inquiry.doubt("submodule " + link.path + ": " + state.dirty.reason, false);
    out.push_back(std::move(state));
    return;
  }
  Findings found;
  if (is_plain_path(path)) {
    found = examine_submodule(inquiry, path);
  } else {
    found.problem = "its path leads through a symbolic link";
  }
  if (!found.problem.empty()) {
    found.commit = Known<std::string>::not_known(found.problem);
    found.dirty = Known<bool>::not_known(found.problem);
  }
  state.commit = found.commit;
  state.dirty = found.dirty;
  if (!found.dirty.value)
    inquiry.doubt("submodule " + link.path + ": " + found.dirty.reason, false);
  out.push_back(std::move(state));
  if (!found.submodules.value) return;
  for (SubmoduleState& inner : *found.submodules.value) {
    inner.path = link.path + "/" + inner.path;
    out.push_back(std::move(inner));
  }
}

}  // namespace

void examine_submodules(const IndexListing& listing, Inquiry& inquiry) {
  States states;
  bool too_many = listing.more_gitlinks();
  for (const Gitlink& link : listing.gitlinks()) {
    // One count for all levels, or 64 that hold 64 each would be 4096 (and so on downwards).
    too_many |= inquiry.submodules >= kMaxSubmodules;
    if (too_many) break;
    ++inquiry.submodules;
    examine_link(link, inquiry, states);
  }
  auto& submodules = inquiry.findings.submodules;
  if (too_many) {
    // A list of some of them would read like all of them.
    submodules =
        Known<States>::not_known("there are more than 64 submodules; no more are examined");
    inquiry.doubt(submodules.reason, false);
  } else {
    submodules = Known<States>::of(std::move(states));
  }
}

}  // namespace domed::git
