#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domed/support/program.h"

namespace domed::git {

using program::Clock;
using program::Outcome;
using Setting = std::pair<std::string, std::string>;  // configuration key, value

// When a piece of work must be over, and how long that was from its start.
struct Deadline {
  explicit Deadline(std::chrono::milliseconds allowed)
      : at(Clock::now() + allowed), limit(allowed) {}
  bool passed() const { return Clock::now() >= at; }
  std::string text() const;  // "timed out after 2s"

  Clock::time_point at;
  std::chrono::milliseconds limit;
};

// One call of git.
struct Call {
  std::vector<std::string> arguments;
  std::string directory;
  // A git directory of ours (View), and the working tree; both empty: none is looked at.
  std::string git_dir{}, work_tree{};
  std::vector<Setting> settings{};  // beyond those of every call
  std::size_t max_out = 1 << 20;
  std::function<void(std::string_view)> sink{};
};

// The git program, called so that it reads and does nothing else: it runs no
// program that a repository names, writes no file (the index included), talks to
// no network, asks nobody, and sees neither the host's environment nor the
// user's and the system's configuration.  Thread-safe.
//
// How: it never sees a repository's own configuration, for the git directory that it is given is
// one of ours, and where it has none it looks for none; an environment made from nothing, with a PATH and an exec path that hold
// no programs, so that git cannot even start itself again (lazy fetches and
// submodules do that); a
// list of allowed protocols that names only a random word.
class Git {
 public:
  // A bare "name" is looked up in "search_path" now.  No error if it is not there.
  Git(const std::string& name, std::string_view search_path);

  // Why calls cannot be made: git is absent, too old to be called safely, or
  // does not answer.  Empty: they can; version() is then set.
  std::string problem(const Deadline& deadline);
  std::string version() const;

  Outcome call(const Call& call, const Deadline& deadline) const;
  // A call that a caller expects to succeed: why it did not, for people.
  std::string reason(std::string_view what, const Outcome& outcome, const Deadline& deadline) const;

 private:
  std::vector<std::string> environment(const Call& call) const;
  std::string ask_version(const Deadline& deadline);

  const std::string name_;
  const std::string program_;  // absolute; empty: not found
  const std::string no_protocol_;

  mutable std::mutex mutex_;
  std::string version_;
  std::string stamp_;  // of the file whose version that is
};

}  // namespace domed::git
