#include "system/file_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "domed/error.h"
#include "system/own_file.h"

namespace domed {
namespace {

constexpr std::chrono::milliseconds kCopyLives{5000}, kLook{5};

std::string pid_in(int file) {
  char text[32];
  const ssize_t size = pread(file, text, sizeof text, 0);
  std::string pid(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid.empty() ? "unknown" : pid;
}

// For people alone: a lock holds as well without.
void write_pid(int file) {
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(file, 0) == 0) (void)!pwrite(file, pid.data(), pid.size(), 0);
}

// The process that took the lock is gone, so it is a copy of it that holds on: one that was made to
// start a job, and has not become that job's program yet.
bool holder_is_gone(int file) {
  const int pid = std::atoi(pid_in(file).c_str());
  return pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
}

// False with errno set.  After a kill -9 the lock may be held a moment longer (holder_is_gone).
bool take(int file) {
  const auto give_up = std::chrono::steady_clock::now() + kCopyLives;
  for (;;) {
    if (flock(file, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK) return false;
    if (!holder_is_gone(file) || std::chrono::steady_clock::now() > give_up) break;
    std::this_thread::sleep_for(kLook);
  }
  errno = EWOULDBLOCK;
  return false;
}

}  // namespace

FileIdentity identity_of(const std::string& path) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

FileLock::FileLock(const std::string& path, const std::string& claim)
    : path_(path), file_(open_own(path, O_RDWR | O_CREAT)) {
  if (!file_)
    throw Error(Code::io, "cannot make the lock file " + path + ": its directory is gone");
  if (take(file_.get())) {
    write_pid(file_.get());
    return;
  }
  if (errno != EWOULDBLOCK)
    throw Error(Code::io, "cannot lock " + path + ": " + std::strerror(errno));
  throw Error(Code::conflict, claim + " by another domed (pid " + pid_in(file_.get()) +
                                  "): stop it or configure another path");
}

bool FileLock::in_place() const {
  struct stat status;
  return file_ && fstat(file_.get(), &status) == 0 &&
         identity_of(path_) == FileIdentity{status.st_dev, status.st_ino};
}

}  // namespace domed
