#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

namespace domed {

// An advisory lock on a file, held until the end of its life.  The kernel lets
// go of it however the process ends, so it never has to be cleaned up.
class FileLock {
 public:
  FileLock() = default;
  // Throws Error(conflict) naming the holder's pid when "subject" is held.
  FileLock(const std::string& path, const std::string& subject);
  FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~FileLock();

 private:
  int file_ = -1;
};

// Makes "path" safe to listen on, and keeps other daemons off it while the
// result lives: the directory exists, is ours, cannot be written by others and,
// without a "group", cannot be entered by them either; the path is short enough
// for a socket; nothing but a socket lies there.  A socket left behind by a killed
// daemon is removed.  "group" may pass through a directory that is made here.
FileLock claim_ipc_path(const std::string& path, std::optional<gid_t> group);

// Opens the socket at "path" to its owner, and to "group" where there is one.
void set_ipc_access(const std::string& path, std::optional<gid_t> group);

// Removes a socket at "path"; throws Error where something else lies there.
void remove_stale_socket(const std::string& path);

// The id of the group "name" (or number).  Throws Error where there is none.
gid_t group_id(const std::string& name);

}  // namespace domed
