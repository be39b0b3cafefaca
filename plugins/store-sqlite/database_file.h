#pragma once

#include <cstdint>
#include <string>

#include "descriptor.h"
#include "place_watch.h"

namespace domed {

// The place of a database: its directory and file, made where missing (0700 and
// 0600), and the right to be the only domed that uses it.
//
// The right is two flocks, held for the life of the object and freed by the kernel
// however the process ends.  One on PATH.lock, which says who has it; the file stays:
// removing it would let two daemons lock two files of one name.  One on the database,
// for whoever reaches it by another name (a hard link, another mount), or after the
// lock file was removed.  Its descriptor is opened before SQLite's and closed after
// them, because closing any would drop the locks that SQLite holds there.
class DatabaseFile {
 public:
  // Throws Error(conflict) where another one holds "path", naming it.
  explicit DatabaseFile(const std::string& path);
  DatabaseFile(const DatabaseFile&) = delete;
  DatabaseFile& operator=(const DatabaseFile&) = delete;

  const std::string& path() const { return path_; }
  bool created() const { return created_; }

  // Remembers the write-ahead log, which SQLite has made by now.
  void remember_log();
  // Throws Error(io) where the database or its log is no longer at its place: SQLite would go on
  // writing to files that nobody will ever open again.  What it sees at once, and what within a
  // tenth of a second, PlaceWatch says.
  void check_in_place();

 private:
  // Which file a name led to.
  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t number = 0;
    bool operator==(const Identity&) const = default;
  };

  void lock();
  void create_or_check();
  void check(const std::string& name, const Identity& known) const;
  static Identity identity_of(const std::string& name);

  std::string path_, log_path_;
  Descriptor lock_, file_;
  bool created_ = false;
  Identity database_, log_;
  PlaceWatch watch_;
};

}  // namespace domed
