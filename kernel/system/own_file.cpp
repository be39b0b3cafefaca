#include "system/own_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "domed/error.h"

namespace domed {

Code code_of(int error) {
  switch (error) {
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOSPC:
    case EDQUOT:
      return Code::exhausted;
    case EACCES:
    case EPERM:
    case EISDIR:
    case ENOTDIR:
    case ELOOP:
    case ENXIO:
    case ENAMETOOLONG:
      return Code::unsupported;
    default:
      return Code::io;
  }
}

namespace {

[[noreturn]] void fail(const char* what, const std::string& path, int error) {
  throw Error(code_of(error), std::string(what) + " " + path + ": " + std::strerror(error));
}

const char* kind_of(mode_t mode) {
  if (S_ISLNK(mode)) return "a link";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

void must_be_own(const Fd& seen, const std::string& path) {
  struct stat info;
  if (fstat(seen.get(), &info) != 0) fail("cannot look at", path, errno);
  if (!S_ISREG(info.st_mode))
    throw Error(Code::unsupported, path + " is " + kind_of(info.st_mode) +
                                       ", not the regular file that belongs there: remove it");
  if (info.st_uid != geteuid())
    throw Error(Code::unsupported, path + " belongs to user " + std::to_string(info.st_uid) +
                                       ", not to this one: remove it");
}

// Through the descriptor, so that what is opened is what was looked at.
Fd open_seen(const Fd& seen, const std::string& path, int flags) {
  const std::string self = "/proc/self/fd/" + std::to_string(seen.get());
  Fd fd(open(self.c_str(), (flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_NONBLOCK | O_CLOEXEC));
  if (!fd) fail("cannot open", path, errno);
  return fd;
}

}  // namespace

Fd open_own(const std::string& path, int flags) {
  for (int tries = 0; tries < 3; ++tries) {  // it may come or go between two looks
    const Fd seen(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (seen) {
      must_be_own(seen, path);
      return open_seen(seen, path, flags);
    }
    if (errno != ENOENT) fail("cannot open", path, errno);
    if (!(flags & O_CREAT)) return Fd();
    Fd made(open(path.c_str(), flags | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (made || errno == ENOENT) return made;
    if (errno != EEXIST) fail("cannot make", path, errno);
  }
  throw Error(Code::io, path + " comes and goes: another process is at work on it");
}

std::string read_own(const std::string& path, std::size_t most) {
  const Fd fd = open_own(path, O_RDONLY);
  return fd ? read_fully(fd.get(), path, most) : "";
}

std::string read_fully(int fd, const std::string& path, std::size_t most) {
  std::string out;
  char buffer[16384];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot read", path, errno);
    if (n == 0) break;
    out.append(buffer, static_cast<std::size_t>(n));
    if (out.size() > most)
      throw Error(Code::unsupported, path + " has more than the " + std::to_string(most) +
                                         " bytes that such a file may have");
  }
  return out;
}

Fd create_own(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) fail("cannot replace", path, errno);
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) fail("cannot make", path, errno);
  return fd;
}

void sync_directory(const std::string& directory) {
  const Fd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd && errno == EACCES) return ::sync();  // one that may be written in, but not read
  if (!fd || (fsync(fd.get()) != 0 && errno != EINVAL)) fail("cannot sync", directory, errno);
}

void write_own(const std::string& path, std::string_view bytes, bool sync) {
  struct stat there {};
  // A device that is replaced is lost to everybody.
  if (lstat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode) && !S_ISLNK(there.st_mode))
    throw Error(Code::io, "cannot write " + path + ": it is no regular file");
  const std::string draft = path + ".tmp";
  const Fd fd = create_own(draft);
  if (!write_fully(fd.get(), bytes, 0) || (sync && fsync(fd.get()) != 0) ||
      rename(draft.c_str(), path.c_str()) != 0)
    fail("cannot write", path, errno);
  if (sync) sync_directory(std::filesystem::path(path).parent_path());
}

std::optional<Fd> lock_own(const std::string& path) {
  Fd fd = open_own(path, O_RDWR | O_CREAT);
  if (!fd || flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) fail("cannot lock", path, errno);
  return std::nullopt;
}

bool is_locked(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return false;
  char place[64];  // as in "1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF"
  std::snprintf(place, sizeof place, " %02x:%02x:%ju ", major(info.st_dev), minor(info.st_dev),
                static_cast<std::uintmax_t>(info.st_ino));
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);)
    if (line.find(": FLOCK ") != std::string::npos && line.find(place) != std::string::npos)
      return true;
  return false;
}

bool write_fully(int fd, std::string_view bytes, std::size_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace domed
