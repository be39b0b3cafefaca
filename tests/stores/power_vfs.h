#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace store_tests {

// A disk for SQLite that ends at a chosen moment.  While an object lives, it is SQLite's file
// system: files stand below the system's own, where every process sees each write at once, as
// in the page cache; beside that it keeps what of them a loss of power would leave: what was
// synced, and the writes since then, of which any sector may be there or not, in any order.
//
// Every write, sync, truncation and removal is counted, and the object ends before the one
// that was chosen: by a signal to this process, or by a loss of power, after which nothing
// succeeds any more.  Syncs are not passed on: only this object asks what is durable.
//
// Not the real thing: a sector (512 bytes) is never torn, and never changed but by its writes.
class PowerVfs {
 public:
  enum class End { power, kill };

  PowerVfs();
  PowerVfs(const PowerVfs&) = delete;
  PowerVfs& operator=(const PowerVfs&) = delete;
  ~PowerVfs();

  // Ends at the operation "number", counted from 1 since the object was made.
  void end_at(std::uint64_t number, End end);
  std::uint64_t operations() const;
  bool is_off() const;
  // What "path" has now is durable: for files that other programs made.
  void know(const std::filesystem::path& path);
  // Writes the files that the loss of power leaves of those beside "path" into "directory".
  void leave_in(const std::filesystem::path& directory, std::mt19937_64& random) const;

  // What SQLite calls; used by power_vfs.cpp alone.
  struct Write {
    bool truncation = false;
    std::int64_t offset = 0;  // of a truncation: the size
    std::string bytes;
  };
  struct Disk {
    bool named = false;  // the directory knows it
    std::string durable;
    std::vector<Write> pending;
    bool removed = false;            // pending too
    std::optional<std::string> old;  // of a removed file whose name this one has
  };
  // false: the disk is off.
  bool operate();
  void wrote(const std::string& path, Write write);
  void synced(const std::string& path);
  void removed(const std::string& path, bool durably);
  void opened(const std::string& path);

 private:
  static std::string survivor(const Disk& disk, std::mt19937_64& random);

  mutable std::mutex mutex_;
  std::map<std::string, Disk> disks_;
  std::uint64_t operations_ = 0;
  std::uint64_t end_at_ = 0;  // 0: never
  End end_ = End::power;
  bool off_ = false;
};

}  // namespace store_tests
