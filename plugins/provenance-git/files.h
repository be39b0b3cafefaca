#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace domed::git {

// A directory of a repository, held open.  What is read below it is a regular file, is not waited
// for, and is reached through no link that leads out of the directory: whoever owns a repository
// may have put anything in a file's place.
class Directory {
 public:
  // "path" without symbolic links.  Throws Error with the reason.
  explicit Directory(std::string path);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  const std::string& path() const { return path_; }
  uid_t owner() const { return owner_; }

  // The bytes of the file "name"; nothing: it is not there, or a directory is.  Throws Error for
  // what cannot be read, is no regular file or has more than "max" bytes.
  std::optional<std::string> read(const std::string& name, std::size_t max) const;
  // Copies it to "to", with the time of its last change, by which git judges an index.
  // False: it is not there.  Throws as read() does.
  bool copy(const std::string& name, const std::string& to, std::uint64_t max) const;

  // Whether it holds a directory, or a regular file, "name" that is no link.
  bool has_directory(const std::string& name) const { return type_of(name) == S_IFDIR; }
  bool has_file(const std::string& name) const { return type_of(name) == S_IFREG; }
  // What "name" says as a symbolic link; nothing: it is none.
  std::optional<std::string> link_target(const std::string& name) const;
  // The names in it.
  std::vector<std::string> names() const;

 private:
  int open_file(const std::string& name, std::size_t max) const;
  mode_t type_of(const std::string& name) const;

  const std::string path_;
  int fd_ = -1;
  uid_t owner_ = 0;
};

// "path" without symbolic links; empty: it leads nowhere.
std::string real_path(const std::string& path);
// "path", which may be relative to "base", the same way.
std::string real_path_from(const std::string& base, const std::string& path);
bool is_below(const std::string& path, const std::string& directory);
// Nobody but root and the daemon's user could have made what belongs to "owner".
bool is_own(uid_t owner);

// The reason for "error", an errno, at "path".
std::string failure_at(const std::string& path, int error);

}  // namespace domed::git
