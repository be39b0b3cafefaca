#include "read_ahead.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <unordered_map>

namespace domed {
namespace {

constexpr std::int64_t kWindow = 1 << 20;    // fetched at once
constexpr std::int64_t kStride = 256 << 10;  // a step on or back that is still in order
constexpr int kInOrder = 32;                 // steps before anything is fetched

}  // namespace

// What one connection reads.
class ReadAhead::Track {
 public:
  explicit Track(ReadAhead& owner) : owner_(owner) {}

  void look(std::int64_t offset, int amount) {
    const bool ordered = std::abs(offset - next_) <= kStride;
    next_ = offset + amount;
    in_order_ = ordered ? in_order_ + 1 : 0;
    if (!ordered) fetched_ = 0;
    if (in_order_ < kInOrder || fetched_ > next_ + kWindow / 2) return;
    const std::int64_t begin = std::max(fetched_, next_);
    owner_.fetch(begin, kWindow);
    fetched_ = begin + kWindow;
  }

 private:
  ReadAhead& owner_;
  std::int64_t next_ = 0;     // behind the last read
  std::int64_t fetched_ = 0;  // up to here
  int in_order_ = 0;
};

namespace {

// SQLite has no other way to find what belongs to one of its files.
std::mutex mutex;
std::unordered_map<sqlite3_file*, ReadAhead::Track> tracks;
const sqlite3_io_methods* original = nullptr;
sqlite3_io_methods watching;

int read(sqlite3_file* file, void* into, int amount, sqlite3_int64 offset) {
  {
    const std::lock_guard lock(mutex);
    const auto track = tracks.find(file);
    if (track != tracks.end()) track->second.look(offset, amount);
  }
  return original->xRead(file, into, amount, offset);
}

int close(sqlite3_file* file) {
  {
    const std::lock_guard lock(mutex);
    tracks.erase(file);
  }
  return original->xClose(file);
}

}  // namespace

ReadAhead::ReadAhead(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}

ReadAhead::~ReadAhead() {
  if (fd_ >= 0) ::close(fd_);
}

void ReadAhead::fetch(std::int64_t offset, std::int64_t bytes) {
  posix_fadvise(fd_, offset, bytes, POSIX_FADV_WILLNEED);
  fetched_ += static_cast<std::uint64_t>(bytes);
}

void ReadAhead::watch(sqlite3* connection) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (fd_ < 0 || file == nullptr || file->pMethods == nullptr) return;
  const std::lock_guard lock(mutex);
  if (original == nullptr) {
    original = file->pMethods;
    watching = *original;
    watching.xRead = read;
    watching.xClose = close;
  }
  if (file->pMethods != original) return;  // one system's file is like the other
  file->pMethods = &watching;
  tracks.emplace(file, *this);
}

}  // namespace domed
