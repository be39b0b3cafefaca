#include "runner/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "domed/error.h"

namespace domed {

void throw_errno(const std::string& what) {
  throw Error(Code::io, what + ": " + std::strerror(errno));
}

std::string read_all(int fd, const std::string& what) {
  std::string out;
  char buffer[16384];
  for (;;) {
    const ssize_t n = pread(fd, buffer, sizeof buffer, static_cast<off_t>(out.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("cannot read " + what);
    if (n == 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
  }
}

bool exists(const std::string& path) {
  return faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace domed
