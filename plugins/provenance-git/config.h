#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace domed::git {

// What a repository's own configuration says, as far as it matters here.  All else of it, and
// what it includes, counts for nothing: git never reads it.
struct Config {
  // Values as written: insteadOf is not applied.
  std::map<std::string, std::string> remotes;         // name to its first URL
  std::map<std::string, std::string> branch_remotes;  // branch to the remote it follows
  // Differences that it declares to mean nothing here.
  bool file_mode = true, ignore_case = false, symlinks = true;
  bool sparse = false;
  bool partial = false;  // a partial clone
  std::optional<bool> bare;
  std::string worktree;           // core.worktree
  bool worktree_config = false;   // a working tree has a config of its own
  // How the repository is written down.
  std::string version = "0", object_format = "sha1";
  std::vector<std::string> extensions;  // those that are not known here
  // How contents are compared: written by as_file() where they are what git takes.
  std::string autocrlf, eol, big_file_threshold, sparse_cone;

  // "core.fileMode=false, ...": which of those it does; empty: none.
  std::string declared_meaningless() const;
  // Why a repository that says so cannot be read; empty: it can be.
  std::string refusal() const;
  // What git gets in the place of the repository's configuration: values out of a small number of
  // words and numbers, so that none can be anything else than itself.
  std::string as_file() const;
};

// Reads the output of "git config --list -z".
Config parse_config(std::string_view listing);

}  // namespace domed::git
