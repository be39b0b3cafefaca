#pragma once

#include <cstdint>
#include <string>

namespace domed {

// Which run of a write-ahead log: SQLite begins it anew with the next "first" number and a
// random second one.
struct WalRun {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  bool operator==(const WalRun&) const = default;
  // Whether this run came after "other", in one use of the database.
  bool is_after(const WalRun& other) const {
    const std::uint32_t steps = first - other.first;
    return steps != 0 && steps < 1u << 24;
  }
};

// What stands in a write-ahead log (https://www.sqlite.org/walformat.html): SQLite takes the
// frames whose sums follow from those before, up to the last one that ends a commit, and says
// nothing of what is behind.
struct WalImage {
  bool exists = false;               // there is a file with something in it
  bool begun = false;                // its header is good
  WalRun run;                        // as the header says
  std::uint32_t frames = 0;          // up to the end of the last commit
  std::uint32_t commits_behind = 0;  // whole ones of this run, behind a bad frame
};

// Throws Error(io) where "path" is there and cannot be read.
WalImage look_at_wal(const std::string& path);

// The sum of SQLite's logs over "size" bytes, a multiple of 8, in either order of bytes.
struct WalSum {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  bool operator==(const WalSum&) const = default;
  void add(const unsigned char* bytes, std::size_t size, bool big_endian);
};

}  // namespace domed
