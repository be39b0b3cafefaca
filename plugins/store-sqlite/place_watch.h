#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "descriptor.h"

namespace domed {

// Tells when files may not be at their places any more, for one system call that finds nothing: to
// look at two names costs a commit some 5 us, and it has to look twice.
//
// The promise: when a file, or a directory above it, was removed, renamed or replaced by a call
// that has returned, the next stirred() says so.  The system queues its word (inotify) within that
// call, on every file system of this machine.  What gives no word (another file system mounted over
// the path, another machine that changes files of a server) is left to a look at the names every
// kLook.  Where the system has no watch to give, stirred() is always true.
//
// Rejected: a thread that waits for the word and sets a flag (a commit could be acknowledged before
// it runs); the link count of the open file (asking for it is a stat, which since Linux 6.13 makes
// the next fdatasync write the inode, and it does not see a rename).
//
// For one thread at a time.
class PlaceWatch {
 public:
  static constexpr std::chrono::milliseconds kLook{100};

  // "files" are absolute and without symbolic links.
  void watch(std::vector<std::string> files);

  // True: look at the names; until they were seen at their places, each time.
  bool stirred();
  // They were, since the last stirred().
  void looked();

 private:
  using Clock = std::chrono::steady_clock;

  bool begin();
  bool has_word();

  std::vector<std::string> files_;
  Descriptor inotify_;
  bool calm_ = false;
  Clock::time_point look_at_{}, begin_at_{};
};

}  // namespace domed
