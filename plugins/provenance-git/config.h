#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "git.h"

namespace domed::git {

// What a repository's own configuration says, as far as it matters here.
// Values are as written: neither insteadOf nor includes are applied to remotes.
struct Config {
  std::vector<std::string> filters;                   // "filter.NAME." of each driver
  std::map<std::string, std::string> remotes;         // name to its first URL
  std::map<std::string, std::string> branch_remotes;  // branch to the remote it follows
  bool includes = false;                              // it includes other files
  // Differences that it declares to mean nothing here.
  bool file_mode = true, ignore_case = false, symlinks = true;
  bool sparse = false;
  bool partial = false;  // a partial clone

  // "core.fileMode=false, ...": which of those it does; empty: none.
  std::string declared_meaningless() const;
};

// Reads the output of "git config --list -z".
Config parse_config(std::string_view listing);

// Settings under which none of Config::filters runs a program.
std::vector<Setting> blank_filters(const std::vector<std::string>& filters);

}  // namespace domed::git
