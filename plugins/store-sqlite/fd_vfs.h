#pragma once

#include <sqlite3.h>

#include <string>

namespace domed {

// Lets SQLite use a file that has a descriptor and perhaps no name: a database named
// path_of(fd) is that file.  There are no locks, no journal on disk and no write-ahead log
// with it: for a copy that nobody else uses.  Known to SQLite while the object lives, which is
// longer than every connection made with it.
class FdVfs {
 public:
  FdVfs();
  FdVfs(const FdVfs&) = delete;
  FdVfs& operator=(const FdVfs&) = delete;
  ~FdVfs();

  const char* name() const { return name_.c_str(); }
  static std::string path_of(int fd);

 private:
  std::string name_;
  sqlite3_vfs vfs_;
};

}  // namespace domed
