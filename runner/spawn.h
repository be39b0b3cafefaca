#pragma once

#include <sys/types.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runner/files.h"
#include "runner/spec.h"

namespace domed {

// Why a command could not be started: the text of a spawn_error.
class SpawnError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Child {
  pid_t pid = 0;  // also its process group and session
  Fd out, err;    // reading ends, non-blocking; "err" is empty where there is a terminal
};

// A path that a request chose, and the directories of which one must hold it; none: it may be
// anywhere.
struct Chosen {
  Chosen(const char* where) : path(where) {}
  Chosen(std::string where, std::vector<std::string> within = {})
      : path(std::move(where)), below(std::move(within)) {}
  std::string path;
  std::vector<std::string> below;
};

// The file that "name" means: itself where it has a slash (relative to "cwd"),
// else the first executable along "path".  Throws SpawnError.
std::string find_program(const std::string& name, const std::string& path, const std::string& cwd);

// Starts "command" with exactly "environment", in "cwd", in its own session,
// reading the file "input", with umask "mask", no other descriptors, default signals and none
// blocked.  With a "terminal" that is all it reads and writes.  Returns after the exec; throws
// SpawnError where it failed.  Never forks a copy of this process: nng's threads would not survive
// it.
Child spawn(const std::vector<std::string>& command, const std::vector<std::string>& environment,
            const Chosen& cwd, const Limits& limits = {}, const Chosen& input = "/dev/null",
            const TerminalSize& terminal = {}, mode_t mask = 022);

}  // namespace domed
