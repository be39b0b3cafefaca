#pragma once

#include <memory>
#include <string>

#include "config.h"
#include "findings.h"
#include "git.h"
#include "place.h"
#include "view.h"

namespace domed::git {

// Where a directory's repository is and what its HEAD names.
struct Repository {
  Place place;
  std::string top;                  // top-level directory; empty: see no_tree
  std::string no_tree;              // why there is no working tree
  bool bare = false, shallow = false, unborn = false;
  Known<std::string> commit, tree, ref;  // ref "HEAD": detached
  Config config;
  std::shared_ptr<const View> view;  // through which git looks at it
};

// Throws Error, whose text is the reason, where "directory" is not in a
// repository that can be examined; in particular where its working tree is not
// the directory that holds its .git, for then git would report on another place.
Repository open_repository(const Git& git, const std::string& directory, bool read_foreign,
                           const Deadline& deadline);

// The address of the current branch's remote, else of "origin", else of the only one.
Known<std::string> choose_remote(const Repository& repository);

}  // namespace domed::git
