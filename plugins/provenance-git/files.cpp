#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "domed/error.h"

namespace domed::git {
namespace {

constexpr std::size_t kPiece = 256 << 10;

int open_beneath(int directory, const std::string& name, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how));
}

// Closes what it holds.
struct Opened {
  explicit Opened(int number) : fd(number) {}
  ~Opened() {
    if (fd >= 0) ::close(fd);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  const int fd;
};

}  // namespace

std::string failure_at(const std::string& path, int error) {
  if (error == EACCES || error == EPERM) return "no permission: " + path + " cannot be read";
  if (error == EXDEV || error == ELOOP)
    return path + " is a symbolic link that leads out of the repository, which is not followed";
  return path + ": " + std::strerror(error);
}

Directory::Directory(std::string path)
    : path_(std::move(path)),
      fd_(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
  struct stat info;
  if (fd_ < 0 || ::fstat(fd_, &info) != 0) throw Error(Code::io, failure_at(path_, errno));
  owner_ = info.st_uid;
}

Directory::~Directory() {
  if (fd_ >= 0) ::close(fd_);
}

// -1: not there.  A fifo is found out by O_NONBLOCK before anything is read from it.
int Directory::open_file(const std::string& name, std::size_t max) const {
  const std::string path = path_ + "/" + name;
  const int fd = open_beneath(fd_, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return -1;
    if (errno == ENXIO || errno == ENODEV) throw Error(Code::io, path + " is not a regular file");
    throw Error(Code::io, failure_at(path, errno));
  }
  struct stat info;
  const bool known = ::fstat(fd, &info) == 0;
  if (known && S_ISREG(info.st_mode) && static_cast<std::uint64_t>(info.st_size) <= max) return fd;
  ::close(fd);
  if (known && S_ISDIR(info.st_mode)) return -1;
  if (known && S_ISREG(info.st_mode))
    throw Error(Code::exhausted,
                path + " has more than " + std::to_string(max) + " bytes, which is not read");
  throw Error(Code::io, path + " is not a regular file");
}

std::optional<std::string> Directory::read(const std::string& name, std::size_t max) const {
  const Opened file(open_file(name, max));
  if (file.fd < 0) return std::nullopt;
  std::string out;
  while (out.size() <= max) {
    const std::size_t begin = out.size();
    out.resize(begin + std::min(kPiece, max + 1 - begin));
    const ssize_t n = ::read(file.fd, out.data() + begin, out.size() - begin);
    if (n < 0) throw Error(Code::io, failure_at(path_ + "/" + name, errno));
    out.resize(begin + static_cast<std::size_t>(n));
    if (n == 0) return out;
  }
  throw Error(Code::io, path_ + "/" + name + " grew while it was read");
}

bool Directory::copy(const std::string& name, const std::string& to, std::uint64_t max) const {
  const Opened from(open_file(name, max));
  if (from.fd < 0) return false;
  const std::string path = path_ + "/" + name;
  const Opened into(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  struct stat info;
  if (into.fd < 0 || ::fstat(from.fd, &info) != 0) throw Error(Code::io, failure_at(to, errno));
  std::uint64_t done = 0;
  std::string piece(kPiece, '\0');
  while (const ssize_t n = ::read(from.fd, piece.data(), piece.size())) {
    if (n < 0) throw Error(Code::io, failure_at(path, errno));
    done += static_cast<std::uint64_t>(n);
    if (done > max) throw Error(Code::io, path + " grew while it was read");
    if (::write(into.fd, piece.data(), static_cast<std::size_t>(n)) != n)
      throw Error(Code::io, "a copy of " + path + " cannot be written: " + std::strerror(errno));
  }
  const timespec times[2] = {info.st_atim, info.st_mtim};
  if (::futimens(into.fd, times) != 0) throw Error(Code::io, failure_at(to, errno));
  return true;
}

mode_t Directory::type_of(const std::string& name) const {
  struct stat info;
  return ::fstatat(fd_, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 ? info.st_mode & S_IFMT : 0;
}

std::optional<std::string> Directory::link_target(const std::string& name) const {
  char target[PATH_MAX];
  const ssize_t n = ::readlinkat(fd_, name.c_str(), target, sizeof target);
  if (n < 0) return std::nullopt;
  return std::string(target, static_cast<std::size_t>(n));
}

std::vector<std::string> Directory::names() const {
  std::vector<std::string> out;
  const int again = ::openat(fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (again < 0) throw Error(Code::io, failure_at(path_, errno));
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(again), ::closedir);
  while (const dirent* entry = ::readdir(listing.get())) out.emplace_back(entry->d_name);
  return out;
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? real.get() : "";
}

std::string real_path_from(const std::string& base, const std::string& path) {
  return real_path(path.starts_with('/') ? path : base + "/" + path);
}

bool is_below(const std::string& path, const std::string& directory) {
  return directory == "/" ? path.size() > 1
                          : path.size() > directory.size() && path.starts_with(directory) &&
                                path[directory.size()] == '/';
}

bool is_own(uid_t owner) {
  return owner == 0 || owner == ::geteuid();
}

}  // namespace domed::git
