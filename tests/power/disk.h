#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace domed::test {

// A disk below a directory that is lost at a chosen moment.  While an object lives, the system's
// calls that write, sync, make, rename and remove files pass through it (disk.cpp has functions of
// their names), and what is there is as the calls left it.  Beside that it keeps what a loss of
// power would leave: files as they were synced, and of what was written since any sector in any
// of its states; directories as they were synced, and any of the later changes of their names.  A
// sync of a file is none of its name.  After the loss every such call fails with EIO.
//
// Not the real thing: a sector (512 bytes) is never torn, and a file that was cut has what was
// written behind that only after the cut.  One object at a time, used by one thread.
class Disk {
 public:
  // "root" is there and empty, and stays so over the loss.
  explicit Disk(const std::filesystem::path& root);
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk();

  // The operation "number", counted from 1, is the first that fails.
  void lose_at(std::uint64_t number) { lost_at_ = number; }
  // The next write finds room for its first half.
  void fill() { full_ = 1; }
  std::uint64_t operations() const { return operations_; }
  bool is_lost() const { return lost_at_ != 0 && operations_ >= lost_at_; }
  // Whether no call passed it by: what it knows is what is there.
  bool is_true() const;
  // Makes what the loss leaves of the root in "directory", which is there.
  void leave_in(const std::filesystem::path& directory, std::mt19937_64& random) const;

  // What the system's calls ask; used by disk.cpp alone.
  struct Node;
  using NodePtr = std::shared_ptr<Node>;
  bool begin();  // false with errno set: it is not to be done
  ssize_t write(int fd, const void* bytes, std::size_t size, off_t offset);
  int truncate(int fd, off_t size);
  int sync(int fd);
  bool knows(const std::string& path) const;
  void made(const std::string& path);
  int rename(const char* from, const char* to);
  NodePtr node(int fd, const std::string& path = {}) const;  // null where it is none of ours
  void name(const std::string& gone, const std::string& path, NodePtr node);

 private:
  std::map<std::pair<dev_t, ino_t>, NodePtr> nodes_;
  const std::filesystem::path path_;
  NodePtr root_;
  std::uint64_t operations_ = 0, lost_at_ = 0;
  int full_ = 0;  // 1: the next write is short, 2: finds no room
};

}  // namespace domed::test
