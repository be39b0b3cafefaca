#include "power_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "scratch.h"

namespace store_tests {
namespace {

constexpr std::size_t kSector = 512;

PowerVfs* current = nullptr;
sqlite3_vfs* below = nullptr;
sqlite3_vfs vfs;

// A file of SQLite's: the system's own stands behind it in the same memory.
struct File {
  sqlite3_file base;
  const char* path;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
File& file_of(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return file_of(file).real();
}
template <auto Member, class... Arguments>
int pass(sqlite3_file* file, Arguments... arguments) {
  return (real(file)->pMethods->*Member)(real(file), arguments...);
}

int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  const bool on = current->operate();
  // The write at the end may have begun.
  current->wrote(file_of(file).path,
                 {false, offset, std::string(static_cast<const char*>(bytes), size)});
  if (!on) return SQLITE_IOERR_WRITE;
  return real(file)->pMethods->xWrite(real(file), bytes, size, offset);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  const bool on = current->operate();
  current->wrote(file_of(file).path, {true, size, {}});
  return on ? real(file)->pMethods->xTruncate(real(file), size) : SQLITE_IOERR_TRUNCATE;
}

int sync(sqlite3_file* file, int) {
  if (!current->operate()) return SQLITE_IOERR_FSYNC;
  current->synced(file_of(file).path);
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  if (current->is_off()) return SQLITE_IOERR_READ;
  return real(file)->pMethods->xRead(real(file), into, size, offset);
}

const sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = pass<&sqlite3_io_methods::xClose>,
    .xRead = read,
    .xWrite = write,
    .xTruncate = truncate,
    .xSync = sync,
    .xFileSize = pass<&sqlite3_io_methods::xFileSize, sqlite3_int64*>,
    .xLock = pass<&sqlite3_io_methods::xLock, int>,
    .xUnlock = pass<&sqlite3_io_methods::xUnlock, int>,
    .xCheckReservedLock = pass<&sqlite3_io_methods::xCheckReservedLock, int*>,
    .xFileControl = pass<&sqlite3_io_methods::xFileControl, int, void*>,
    .xSectorSize = pass<&sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = pass<&sqlite3_io_methods::xDeviceCharacteristics>,
    .xShmMap = pass<&sqlite3_io_methods::xShmMap, int, int, int, void volatile**>,
    .xShmLock = pass<&sqlite3_io_methods::xShmLock, int, int, int>,
    .xShmBarrier = [](sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); },
    .xShmUnmap = pass<&sqlite3_io_methods::xShmUnmap, int>,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* out) {
  file->pMethods = nullptr;
  // A file without a name is gone with its process in any case.
  if (path == nullptr) path = "";
  if (current->is_off()) return SQLITE_CANTOPEN;
  const int result = below->xOpen(below, *path == 0 ? nullptr : path, real(file), flags, out);
  if (result != SQLITE_OK) return result;
  file->pMethods = &kMethods;
  file_of(file).path = path;
  current->opened(path);
  return SQLITE_OK;
}

int remove(sqlite3_vfs*, const char* path, int sync_directory) {
  if (!current->operate()) return SQLITE_IOERR_DELETE;
  current->removed(path, sync_directory != 0);
  return below->xDelete(below, path, 0);
}

void resize(std::string& bytes, std::size_t size) {
  bytes.resize(size, '\0');
}

void put(std::string& bytes, std::size_t offset, std::string_view written) {
  if (bytes.size() < offset + written.size()) resize(bytes, offset + written.size());
  bytes.replace(offset, written.size(), written);
}

// What of "write" is there: each of its sectors, or not.
void put_some(std::string& bytes, const PowerVfs::Write& write, std::mt19937_64& random) {
  const auto begin = static_cast<std::size_t>(write.offset);
  const std::size_t end = begin + write.bytes.size();
  for (std::size_t at = begin; at < end;) {
    const std::size_t next = std::min(end, (at / kSector + 1) * kSector);
    if (random() % 2 == 0)
      put(bytes, at, std::string_view(write.bytes).substr(at - begin, next - at));
    at = next;
  }
}

}  // namespace

PowerVfs::PowerVfs() {
  if (current != nullptr) throw std::logic_error("one PowerVfs at a time");
  current = this;
  below = sqlite3_vfs_find("unix");
  vfs = *below;
  vfs.zName = "power";
  vfs.szOsFile = static_cast<int>(sizeof(File)) + below->szOsFile;
  vfs.xOpen = open;
  vfs.xDelete = remove;
  sqlite3_vfs_register(&vfs, 1);
}

PowerVfs::~PowerVfs() {
  sqlite3_vfs_unregister(&vfs);
  sqlite3_vfs_register(below, 1);
  current = nullptr;
}

void PowerVfs::end_at(std::uint64_t number, End end) {
  const std::lock_guard lock(mutex_);
  end_at_ = number;
  end_ = end;
}

std::uint64_t PowerVfs::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

bool PowerVfs::is_off() const {
  const std::lock_guard lock(mutex_);
  return off_;
}

bool PowerVfs::operate() {
  const std::lock_guard lock(mutex_);
  if (off_) return false;
  if (++operations_ != end_at_) return true;
  if (end_ == End::kill) std::raise(SIGKILL);
  off_ = true;
  return false;
}

void PowerVfs::know(const std::filesystem::path& path) {
  const std::lock_guard lock(mutex_);
  disks_[path.string()] = {true, read_file(path), {}, false};
}

void PowerVfs::opened(const std::string& path) {
  const std::lock_guard lock(mutex_);
  Disk& disk = disks_[path];
  if (disk.removed) disk = {.old = disk.durable};
  // The database itself is made, and its directory synced, before SQLite opens it.
  disk.named = disk.named || path.ends_with(".db");
}

// Once it is off, only the write that it went off at counts.
void PowerVfs::wrote(const std::string& path, Write write) {
  const std::lock_guard lock(mutex_);
  if (off_ && operations_ != end_at_) return;
  if (off_) ++operations_;
  disks_[path].pending.push_back(std::move(write));
}

void PowerVfs::synced(const std::string& path) {
  const std::lock_guard lock(mutex_);
  Disk& disk = disks_[path];
  for (const Write& write : disk.pending)
    write.truncation ? resize(disk.durable, static_cast<std::size_t>(write.offset))
                     : put(disk.durable, static_cast<std::size_t>(write.offset), write.bytes);
  disk.pending.clear();
  if (disk.named) return;
  // The first sync of a new file is one of its directory too, and so of all that stands there.
  std::erase_if(disks_, [](const auto& entry) { return entry.second.removed; });
  for (auto& [name, other] : disks_) {
    other.named = true;
    other.old.reset();
  }
}

void PowerVfs::removed(const std::string& path, bool durably) {
  const std::lock_guard lock(mutex_);
  if (durably)
    disks_.erase(path);
  else
    disks_[path].removed = true;
}

// Writes of one file reach the disk in any order; a truncation is in one with those before it
// and behind, as a file system's journal keeps it.
std::string PowerVfs::survivor(const Disk& disk, std::mt19937_64& random) {
  std::string bytes = disk.durable;
  std::vector<Write> writes = disk.pending;
  const auto truncation = std::find_if(writes.begin(), writes.end(),
                                       [](const Write& write) { return write.truncation; });
  std::shuffle(writes.begin(), truncation, random);
  for (auto write = writes.begin(); write != truncation; ++write) put_some(bytes, *write, random);
  if (truncation == writes.end() || random() % 2 == 0) return bytes;
  resize(bytes, static_cast<std::size_t>(truncation->offset));
  return survivor({.durable = bytes, .pending = {truncation + 1, writes.end()}}, random);
}

void PowerVfs::leave_in(const std::filesystem::path& directory, std::mt19937_64& random) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [path, disk] : disks_) {
    if (path.empty()) continue;
    const std::filesystem::path left = directory / std::filesystem::path(path).filename();
    const bool changed = random() % 2 == 0;  // what waits for a sync of the directory
    if (disk.named ? !(disk.removed && changed) : changed && !disk.removed)
      write_file(left, survivor(disk, random));
    else if (!disk.named && disk.old)
      write_file(left, *disk.old);
  }
}

}  // namespace store_tests
