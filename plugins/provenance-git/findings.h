#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace domed::git {

// A value, or why there is none.
template <class T>
struct Known {
  static Known of(T value) { return {std::move(value), {}}; }
  static Known not_known(std::string reason) { return {std::nullopt, std::move(reason)}; }

  std::optional<T> value;
  std::string reason;  // where there is no value: never empty
};

struct SubmoduleState {
  std::string path;  // from the top-level directory
  Known<std::string> commit;
  Known<bool> dirty;
};

// What is found out about one directory.  "problem" set: nothing is known, for
// that one reason, and the rest means nothing.
struct Findings {
  std::string problem;
  Known<std::string> name, remote, subdirectory;
  Known<std::string> commit, tree, ref;
  Known<std::string> describe, commit_time, author_hash;
  Known<bool> dirty;
  Known<std::uint64_t> changed, untracked;
  Known<std::string> diff;
  Known<std::vector<SubmoduleState>> submodules;
  std::set<std::string> flags;
  std::string flags_reason;  // set: there may be more flags
};

}  // namespace domed::git
