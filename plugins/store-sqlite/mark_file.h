#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "wal_image.h"

namespace domed {

// What a store remembers, outside its database, of the write-ahead log that it leaves.
// history.h tells when it is written.
struct Mark {
  std::uint64_t epoch = 0;  // which use of the database; the database has it too
  WalRun run = {};
  std::uint32_t frames = 0;        // at least so many have been acknowledged
  std::uint32_t checkpointed = 0;  // at least so many of them are in the database too
  bool opening = false;            // nothing was acknowledged since the log was looked at
  bool emptying = false;           // the log may be gone: all of it is in the database
  bool closed = false;             // there is no log
  bool renew = false;              // a new incarnation is due
};

// The file that has it: one record of 48 bytes, far below a sector, written in place.  It is
// reached through SQLite's file system layer, so that whatever stands there for a disk stands
// for this file too.
class MarkFile {
 public:
  explicit MarkFile(std::string path);
  MarkFile(const MarkFile&) = delete;
  MarkFile& operator=(const MarkFile&) = delete;
  ~MarkFile();

  const std::string& path() const { return path_; }
  // Empty where there is none, or a damaged one.
  std::optional<Mark> read();
  // Makes the file where it is missing.  false: the medium failed.
  bool write(const Mark& mark, bool sync) noexcept;

 private:
  bool open(int flags) noexcept;

  const std::string path_;
  sqlite3_vfs* const vfs_;
  const std::unique_ptr<char[]> storage_;
  sqlite3_file* const file_;
  bool is_open_ = false;
};

}  // namespace domed
