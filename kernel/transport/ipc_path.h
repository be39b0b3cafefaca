#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "system/file_lock.h"

namespace domed {

// Keeps what lies at a socket's path, once that is no longer our socket, from being
// removed when the listener there is closed (nng/nng_guard.c).
class SocketFile {
 public:
  SocketFile() = default;
  explicit SocketFile(std::string path) : path_(std::move(path)) {}
  ~SocketFile();
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

  // What lies at the path now is ours.
  void remember();
  bool in_place() const { return identity_of(path_) == own_; }
  const FileIdentity& identity() const { return own_; }

 private:
  const std::string path_;
  FileIdentity own_;
};

// Makes "path" safe to listen on, and keeps other daemons off it while the
// result lives: the directory exists, is ours (0700, with a "group" 0750), and
// nobody else can replace it or what leads there (system/trusted_path.h); the path
// is short enough for a socket.
FileLock claim_ipc_path(const std::string& path, std::optional<gid_t> group);

// Opens the socket at "path" to its owner, and to "group" where there is one.
void set_ipc_access(const std::string& path, std::optional<gid_t> group);

// Removes a socket at "path" that is "own" or that nobody listens at; throws Error
// where something else lies there.
void remove_stale_socket(const std::string& path, const FileIdentity& own = {});

// A path that this process listens at.  Not thread-safe.
class IpcPlace {
 public:
  // Claims "path" (claim_ipc_path), for "group" where it is not empty; no path: of another
  // transport, and nothing happens ever.
  IpcPlace(std::string path, const std::string& group);

  const std::string& path() const { return path_; }
  // Makes it free to be listened at, where the claim was lost too.  Throws Error where another
  // has it.
  void prepare();
  // What lies there now is ours, and is opened to the group.
  void opened();
  bool in_place() const;
  // Removes our socket, and nobody else's.
  void remove();

 private:
  const std::string path_;
  std::optional<gid_t> group_;
  FileLock lock_;
  SocketFile file_;
};

// The id of the group "name" (or number).  Throws Error where there is none.
gid_t group_id(const std::string& name);

}  // namespace domed
