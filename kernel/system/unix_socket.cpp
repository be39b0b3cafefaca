#include "system/unix_socket.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>

namespace domed {

// An address holds 107 bytes, so it goes by way of a descriptor.
bool at_socket(int (*action)(int, const sockaddr*, socklen_t), const Fd& socket,
               const std::string& directory, const std::string& name) {
  const Fd inside(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!inside) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const int size = std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s",
                                 inside.get(), name.c_str());
  if (size < 0 || static_cast<std::size_t>(size) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  return action(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace domed
