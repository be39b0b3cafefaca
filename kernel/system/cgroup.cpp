#include "system/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "domed/error.h"

namespace domed {
namespace {

void set(const std::filesystem::path& file, std::uint64_t limit) {
  if (limit == 0 || write_control(file.c_str(), std::to_string(limit).c_str())) return;
  const std::string why = std::strerror(errno);
  throw Error(Code::io, "cannot write " + file.string() + ": " + why +
                            "; the controllers memory and pids have to be in the "
                            "cgroup.subtree_control of the directory above");
}

}  // namespace

void must_be_delegated(const std::filesystem::path& dir, const std::string& subject) {
  if (access(dir.c_str(), W_OK) == 0) return;
  throw Error(Code::io, subject + ": " + dir.string() + ": " + std::strerror(errno) +
                            ": it has to be a directory of cgroup v2 that is delegated to the "
                            "daemon's user");
}

bool write_control(const char* file, const char* text) {
  const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const auto size = static_cast<ssize_t>(std::strlen(text));
  const bool written = write(fd, text, std::strlen(text)) == size;
  const int error = errno;
  close(fd);
  errno = error;
  return written;
}

void Cgroup::create(std::uint64_t memory, std::uint64_t processes) const {
  if (path_.empty()) return;
  if (mkdir(path_.c_str(), 0755) != 0 && errno != EEXIST)
    throw Error(Code::io, "cannot make the cgroup " + path_.string() + ": " + std::strerror(errno));
  set(path_ / "memory.max", memory);
  set(path_ / "pids.max", processes);
}

bool Cgroup::freeze(bool frozen) const noexcept {
  return !path_.empty() && write_control((path_ / "cgroup.freeze").c_str(), frozen ? "1" : "0");
}

void Cgroup::kill() const noexcept {
  if (!path_.empty()) write_control((path_ / "cgroup.kill").c_str(), "1");
}

bool Cgroup::ran_out_of_memory() const {
  if (path_.empty()) return false;
  std::ifstream events(path_ / "memory.events");
  std::string key;
  for (std::uint64_t count = 0; events >> key >> count;)
    if (key == "oom_kill") return count > 0;
  return false;
}

void Cgroup::remove() const noexcept {
  if (!path_.empty()) rmdir(path_.c_str());
}

}  // namespace domed
