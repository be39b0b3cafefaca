#include "system/fd.h"

#include <fcntl.h>

#include <cerrno>

namespace domed {

std::string read_if_there(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string out;
  char buffer[16384];
  for (;;) {
    const ssize_t n = read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return "";
    if (n == 0 || out.size() >= kMostOfProc) return out;
    out.append(buffer, static_cast<std::size_t>(n));
  }
}

}  // namespace domed
