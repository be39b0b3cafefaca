#include "fd_vfs.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace domed {
namespace {

constexpr std::string_view kDescriptors = "/proc/self/fd/";

struct FdFile {
  sqlite3_file base;
  int fd;
};
int fd_of(sqlite3_file* file) {
  return reinterpret_cast<FdFile*>(file)->fd;
}

// How much of "size" bytes "call", which is pread or pwrite of the rest, has done; -1: error.
template <class Call>
int all(int size, Call&& call) {
  int done = 0;
  while (done < size) {
    const ssize_t some = call(done);
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) return -1;
    if (some == 0) break;
    done += static_cast<int>(some);
  }
  return done;
}

int fd_read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  const auto bytes = static_cast<char*>(into);
  const int done = all(size, [&](int at) {
    return ::pread(fd_of(file), bytes + at, static_cast<std::size_t>(size - at), offset + at);
  });
  if (done < 0) return SQLITE_IOERR_READ;
  std::memset(bytes + done, 0, static_cast<std::size_t>(size - done));
  return done == size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int fd_write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  const auto bytes = static_cast<const char*>(from);
  const int done = all(size, [&](int at) {
    return ::pwrite(fd_of(file), bytes + at, static_cast<std::size_t>(size - at), offset + at);
  });
  if (done == size) return SQLITE_OK;
  return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

int fd_size(sqlite3_file* file, sqlite3_int64* size) {
  struct stat status {};
  if (::fstat(fd_of(file), &status) != 0) return SQLITE_IOERR_FSTAT;
  *size = status.st_size;
  return SQLITE_OK;
}

const sqlite3_io_methods kFdMethods = {
    .iVersion = 1,
    .xClose = [](sqlite3_file*) { return SQLITE_OK; },
    .xRead = fd_read,
    .xWrite = fd_write,
    .xTruncate =
        [](sqlite3_file* file, sqlite3_int64 size) {
          return ::ftruncate(fd_of(file), size) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
        },
    .xSync = [](sqlite3_file*, int) { return SQLITE_OK; },  // the owner's to do
    .xFileSize = fd_size,
    .xLock = [](sqlite3_file*, int) { return SQLITE_OK; },
    .xUnlock = [](sqlite3_file*, int) { return SQLITE_OK; },
    .xCheckReservedLock =
        [](sqlite3_file*, int* locked) {
          *locked = 0;
          return SQLITE_OK;
        },
    .xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; },
    .xSectorSize = [](sqlite3_file*) { return 4096; },
    .xDeviceCharacteristics = [](sqlite3_file*) { return 0; },
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int fd_open(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* out) {
  file->pMethods = nullptr;
  if (path == nullptr || (flags & SQLITE_OPEN_MAIN_DB) == 0) return SQLITE_CANTOPEN;
  reinterpret_cast<FdFile*>(file)->fd = std::atoi(path + kDescriptors.size());
  file->pMethods = &kFdMethods;
  if (out != nullptr) *out = flags;
  return SQLITE_OK;
}

// Neither a journal nor a log stands beside it.
int fd_access(sqlite3_vfs*, const char*, int, int* there) {
  *there = 0;
  return SQLITE_OK;
}

// The link in /proc leads nowhere where the file has no name.
int fd_path(sqlite3_vfs*, const char* path, int size, char* out) {
  const int length = std::snprintf(out, static_cast<std::size_t>(size), "%s", path);
  return length < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

}  // namespace

FdVfs::FdVfs() : vfs_(*sqlite3_vfs_find(nullptr)) {
  char name[40];
  std::snprintf(name, sizeof name, "domed-fd-%p", static_cast<void*>(this));
  name_ = name;  // for each copy of this code in a process its own
  vfs_.zName = name_.c_str();
  vfs_.szOsFile = sizeof(FdFile);
  vfs_.xOpen = fd_open;
  vfs_.xAccess = fd_access;
  vfs_.xFullPathname = fd_path;
  sqlite3_vfs_register(&vfs_, 0);
}

FdVfs::~FdVfs() {
  sqlite3_vfs_unregister(&vfs_);
}

std::string FdVfs::path_of(int fd) {
  return std::string(kDescriptors) + std::to_string(fd);
}

}  // namespace domed
