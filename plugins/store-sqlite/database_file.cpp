#include "database_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "domed/error.h"

namespace domed {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic("SQLite format 3\0", 16);

[[noreturn]] void fail(const std::string& what, int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT || error_number == EMFILE ||
                    error_number == ENFILE;
  throw Error(full ? Code::exhausted : Code::io,
              what + ": " + std::strerror(error_number) +
                  ": make it accessible for this user, or choose another path in the option path");
}

// A new name survives loss of power only when its directory was synced.
void sync_directory(const fs::path& directory) {
  const Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) fail("cannot sync " + directory.string(), errno);
}

void make_directory(const fs::path& directory) {
  if (directory.empty() || fs::is_directory(directory)) return;
  make_directory(directory.parent_path());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    fail("cannot make the directory " + directory.string(), errno);
  sync_directory(directory.parent_path());
}

// One file has one lock, by whatever links it is reached.
std::string resolved(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(fs::absolute(path), error);
  return error ? path : real.string();
}

std::string holder(int fd) {
  char pid[32] = {};
  const ssize_t size = ::pread(fd, pid, sizeof pid - 1, 0);
  std::string text(pid, size > 0 ? static_cast<std::size_t>(size) : 0);
  return text.substr(0, text.find('\n'));
}

}  // namespace

DatabaseFile::DatabaseFile(const std::string& path)
    : path_(resolved(path)), log_path_(path_ + "-wal") {
  make_directory(fs::path(path_).parent_path());
  lock();
  create_or_check();
}

void DatabaseFile::lock() {
  const std::string name = path_ + ".lock";
  Descriptor fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd.get() < 0) fail("cannot open " + name, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail("cannot lock " + name, errno);
    throw Error(Code::conflict, path_ + " is in use by another domed (pid " + holder(fd.get()) +
                                    "): stop it or choose another path");
  }
  // Only for the text above: a full disk must not keep the daemon from starting.
  const std::string pid = std::to_string(::getpid()) + '\n';
  const auto empty = [&] { return ::ftruncate(fd.get(), 0) == 0; };
  if (!empty() ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    empty();
  lock_ = std::move(fd);
}

void DatabaseFile::create_or_check() {
  Descriptor fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600));
  if (fd.get() < 0) fail("cannot open " + path_, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) fail("cannot look at " + path_, errno);
  if (!S_ISREG(status.st_mode))
    throw Error(Code::invalid_argument, path_ + " is not a regular file: choose another path");
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail("cannot lock " + path_, errno);
    throw Error(Code::conflict, path_ +
                                    " is in use by another domed under another name (a hard "
                                    "link, or another mount): stop it or choose another path");
  }
  file_ = std::move(fd);
  database_ = {status.st_dev, status.st_ino};
  created_ = status.st_size == 0;
  if (created_) return sync_directory(fs::path(path_).parent_path());
  // Its making broke off: SQLite undoes it.
  if (fs::exists(path_ + "-journal")) return;
  char magic[kMagic.size()] = {};
  if (::pread(file_.get(), magic, sizeof magic, 0) != static_cast<ssize_t>(sizeof magic) ||
      std::string_view(magic, sizeof magic) != kMagic)
    throw Error(Code::corruption,
                path_ +
                    " is not an SQLite database, or its beginning is damaged: nothing was "
                    "changed; restore it, move it away, or choose another path");
}

// Not stat(): since Linux 6.13 whoever is told a file's times makes its next write change
// them, and the fdatasync of every commit would write the inode too (a third of its time).
DatabaseFile::Identity DatabaseFile::identity_of(const std::string& name) {
  struct statx status {};
  if (::statx(AT_FDCWD, name.c_str(), AT_STATX_DONT_SYNC, STATX_INO, &status) != 0) return {};
  return {gnu_dev_makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino};
}

void DatabaseFile::remember_log() {
  log_ = identity_of(log_path_);
  watch_.watch({path_, log_path_});
}

void DatabaseFile::check_in_place() {
  if (!watch_.stirred()) return;
  check(path_, database_);
  check(log_path_, log_);
  watch_.looked();
}

void DatabaseFile::check(const std::string& name, const Identity& known) const {
  if (identity_of(name) == known) return;
  throw Error(Code::io, name +
                            " was removed or replaced while domed uses it: put back the file "
                            "that was there and it goes on, or restart domed with a backup");
}

}  // namespace domed
