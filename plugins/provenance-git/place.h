#pragma once

#include <string>

namespace domed::git {

// Where the repository of a directory is.  Found without git, which reads a repository's
// configuration in order to find it.
struct Place {
  std::string directory;            // the one asked about, symbolic links resolved
  std::string holder;               // has the nearest .git; empty: "directory" is inside of one
  std::string git_dir, common_dir;  // without links; differ in a linked working tree
  bool foreign = false;             // somebody but root and the daemon's user owns a part of it
  // It lies outside of "holder": only its core.worktree can say that it is of this working tree.
  bool must_name_holder = false;

  bool linked() const { return git_dir != common_dir; }
};

// Throws Error with the reason where there is none, where it belongs to another user and is not
// "read_foreign", and where a .git (a file, a link, a "commondir") leads to a repository that does
// not name this working tree as its own: anybody who can make files could else have the daemon
// tell of repositories that only the daemon may read.
Place find_place(const std::string& directory, bool read_foreign);

}  // namespace domed::git
