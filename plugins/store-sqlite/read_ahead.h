#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace domed {

// Has the system fetch what comes next while a connection reads a database in order.
// SQLite asks for a page at a time, which leaves a disk idle between two of them.
class ReadAhead {
 public:
  // Where "path" cannot be opened nothing is fetched ahead.
  explicit ReadAhead(const std::string& path);
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  // After all connections to the database: to close any descriptor of it drops the
  // locks that SQLite holds.
  ~ReadAhead();

  // From now on "connection", which has read nothing yet, is watched until it is closed.
  void watch(sqlite3* connection);
  // Bytes that were asked for ahead, of all connections.
  std::uint64_t fetched() const { return fetched_; }

  class Track;

 private:
  void fetch(std::int64_t offset, std::int64_t bytes);

  const int fd_;
  std::atomic<std::uint64_t> fetched_ = 0;
};

}  // namespace domed
