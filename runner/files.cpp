#include "runner/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "domed/error.h"

namespace domed {

void throw_errno(const std::string& what) {
  throw Error(Code::io, what + ": " + std::strerror(errno));
}

std::string read_file(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno("cannot read " + path);
  std::string out;
  char buffer[16384];
  for (;;) {
    const ssize_t n = read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("cannot read " + path);
    if (n == 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
  }
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

void write_atomically(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  const Fd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd || !write_fully(fd.get(), bytes, 0) || rename(temporary.c_str(), path.c_str()) != 0)
    throw_errno("cannot write " + path);
}

bool exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

Fd try_lock(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) throw_errno("cannot open " + path);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) throw_errno("cannot lock " + path);
  return Fd();
}

}  // namespace domed
