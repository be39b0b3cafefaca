#include "system/named_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "domed/error.h"
#include "system/fd.h"
#include "system/own_file.h"
#include "system/trusted_path.h"

namespace domed {
namespace {

constexpr std::size_t kMostOfSecret = 1 << 20;

std::string read_with(const std::string& path, std::size_t most, mode_t forbidden) {
  // A FIFO would have us wait.
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0)
    throw Error(code_of(errno), "cannot read " + path + ": " + std::strerror(errno) +
                                    ": name a file that is there and that this user may read");
  if (!S_ISREG(status.st_mode))
    throw Error(Code::invalid_argument, path + " is no regular file: name one");
  if (status.st_mode & forbidden)
    throw Error(Code::invalid_argument, path + " holds a secret and is open to others (mode " +
                                            octal(status.st_mode) + "): chmod o= " + path +
                                            ", and make a new one if they may have read it");
  return read_fully(fd.get(), path, most);
}

}  // namespace

std::string read_named(const std::string& path, std::size_t most) {
  return read_with(path, most, 0);
}

std::string read_secret(const std::string& path) {
  return read_with(path, kMostOfSecret, S_IRWXO);
}

}  // namespace domed
