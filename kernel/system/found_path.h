#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "system/fd.h"

namespace domed {

// What a path named when it was looked at, held open: a link or a rename that comes later
// turns nothing elsewhere.
//
// The path is gone along step by step.  A symbolic link is followed only where it is root's or
// this process's user's own, so that nobody else chooses what is opened; nothing in a procfs is,
// for "/proc/self" means another thing to each process that says it, and "/dev/stdin" leads there.
// Nothing is opened for reading on the way, so no fifo and no device is waited for or touched.
class FoundPath {
 public:
  // "path" is absolute.  Throws Error: not_found where there is nothing, invalid_argument for
  // what is never followed, io for the rest.
  explicit FoundPath(const std::string& path);

  // Whether it is "directory" itself or lies below it, whatever its path looks like.
  bool is_in(const FoundPath& directory) const;
  // The same of any of "directories"; one that is not there holds nothing.
  bool is_in_one_of(const std::vector<std::string>& directories) const;
  bool is_directory() const;

  // For chdir and the like, not for reading.
  int get() const { return steps_.back().fd.get(); }
  // For reading, without waiting.  Throws Error(invalid_argument) where it is no regular file.
  Fd open_file() const;

 private:
  struct Step {
    Fd fd;
    std::string name;
    dev_t device = 0;
    ino_t inode = 0;
    mode_t mode = 0;
  };
  void go(const std::string& name, std::vector<std::string>& rest, int& links);

  std::string path_;
  std::vector<Step> steps_;  // the root directory first
};

// Whether "path" begins with "directory", part by part, as they are written.
bool is_written_below(const std::string& path, const std::string& directory);
// Whether ".." is one of the parts of "path".
bool goes_up(const std::string& path);

}  // namespace domed
