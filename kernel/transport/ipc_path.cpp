#include "transport/ipc_path.h"

#include <fcntl.h>
#include <grp.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

#include "domed/error.h"

namespace domed {
namespace {

constexpr std::size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;

Error system_error(const std::string& what) {
  return Error(Code::io, what + ": " + std::strerror(errno));
}

std::string pid_in(int file) {
  char text[32];
  const ssize_t size = pread(file, text, sizeof text, 0);
  std::string pid(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid.empty() ? "unknown" : pid;
}

void write_pid(int file) {
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(file, 0) != 0 || pwrite(file, pid.data(), pid.size(), 0) < 0)
    spdlog::warn("cannot note the pid in a lock file: {}", std::strerror(errno));
}

void make_directories(const std::filesystem::path& directory, std::optional<gid_t> group) {
  if (directory.empty() || std::filesystem::exists(std::filesystem::symlink_status(directory)))
    return;
  make_directories(directory.parent_path(), group);
  if (mkdir(directory.c_str(), 0700) != 0) {
    if (errno == EEXIST) return;
    throw system_error("cannot make the socket's directory " + directory.string());
  }
  if (!group) return;
  if (chown(directory.c_str(), -1, *group) != 0 || chmod(directory.c_str(), 0710) != 0)
    throw system_error("cannot open " + directory.string() + " to group " + std::to_string(*group));
}

// Whether others than its owner may replace what lies in the directory.
bool others_may_replace(const struct stat& directory) {
  if (directory.st_mode & S_ISVTX) return false;
  if (directory.st_mode & S_IWOTH) return true;
  return (directory.st_mode & S_IWGRP) && directory.st_gid != getegid();
}

// The directory itself must be safe; one further up is its owner's choice, so
// that it is only pointed out.
void warn_of_ancestors(const std::filesystem::path& directory) {
  std::error_code ignored;
  for (auto path = std::filesystem::canonical(directory, ignored); path.has_relative_path();) {
    path = path.parent_path();
    struct stat status;
    if (stat(path.c_str(), &status) != 0) continue;
    const bool foreign = status.st_uid != 0 && status.st_uid != geteuid();
    if (foreign || others_may_replace(status))
      spdlog::warn("{} can be replaced by others than uid {}, because of {}", directory.string(),
                   geteuid(), path.string());
  }
}

std::string octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", mode & 07777);
  return text;
}

void check_directory(const std::string& directory, bool for_group) {
  struct stat status;
  if (lstat(directory.c_str(), &status) != 0)
    throw system_error("cannot look at the socket's directory " + directory);
  const std::string subject = "the socket's directory " + directory;
  const std::string way_out = ": configure a path in a directory of your own";
  if (S_ISLNK(status.st_mode))
    throw Error(Code::invalid_argument, subject + " is a symbolic link" + way_out);
  if (!S_ISDIR(status.st_mode))
    throw Error(Code::invalid_argument, subject + " is not a directory" + way_out);
  if (status.st_uid != geteuid())
    throw Error(Code::invalid_argument, subject + " belongs to uid " +
                                            std::to_string(status.st_uid) + ", not to uid " +
                                            std::to_string(geteuid()) + way_out);
  if (others_may_replace(status))
    throw Error(Code::invalid_argument,
                subject + " can be written by others: chmod 700 " + directory);
  if (!for_group && (status.st_mode & (S_IRWXG | S_IRWXO)))
    throw Error(Code::invalid_argument,
                subject + " has the mode " + octal(status.st_mode) +
                    ", which lets others in: chmod 700 " + directory +
                    ", or name the group that may come in as control.group");
  warn_of_ancestors(directory);
}

void check_path(const std::string& path) {
  if (path.empty() || path.front() != '/')
    throw Error(Code::invalid_argument,
                "ipc://" + path + " is not an absolute path: write ipc:///directory/name.ipc");
  if (path.size() > kLongestPath)
    throw Error(Code::invalid_argument, "ipc://" + path + " is " + std::to_string(path.size()) +
                                            " bytes long, a socket's path at most " +
                                            std::to_string(kLongestPath) +
                                            ": configure a shorter one");
}

}  // namespace

FileLock::FileLock(const std::string& path, const std::string& subject)
    : file_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
  if (file_ < 0) throw system_error("cannot open the lock file " + path);
  if (flock(file_, LOCK_EX | LOCK_NB) == 0) {
    write_pid(file_);
    return;
  }
  const bool held = errno == EWOULDBLOCK;
  const Error failure = system_error("cannot lock " + path);
  const std::string holder = pid_in(file_);
  close(std::exchange(file_, -1));
  if (!held) throw failure;
  throw Error(Code::conflict, subject + " is served by another domed (pid " + holder +
                                  "): stop it or configure another path");
}

// The file stays: removing it would let two daemons lock two different files.
FileLock::~FileLock() {
  if (file_ >= 0) close(file_);
}

FileLock claim_ipc_path(const std::string& path, std::optional<gid_t> group) {
  check_path(path);
  const auto directory = std::filesystem::path(path).parent_path();
  make_directories(directory, group);
  check_directory(directory.string(), group.has_value());
  FileLock lock(path + ".lock", "ipc://" + path);
  remove_stale_socket(path);
  return lock;
}

void set_ipc_access(const std::string& path, std::optional<gid_t> group) {
  if (!group) return;  // made with 0600
  if (chown(path.c_str(), -1, *group) != 0 || chmod(path.c_str(), 0660) != 0)
    throw system_error("cannot open " + path + " to group " + std::to_string(*group));
}

void remove_stale_socket(const std::string& path) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return;
    throw system_error("cannot look at " + path);
  }
  if (!S_ISSOCK(status.st_mode))
    throw Error(Code::invalid_argument,
                path + " exists and is not a socket: move it away or configure another path");
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    throw system_error("cannot remove the stale socket " + path);
}

gid_t group_id(const std::string& name) {
  gid_t number = 0;
  const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (failure == std::errc{} && end == name.data() + name.size()) return number;
  std::vector<char> space(1 << 16);
  group entry;
  group* found = nullptr;
  getgrnam_r(name.c_str(), &entry, space.data(), space.size(), &found);
  if (!found)
    throw Error(Code::invalid_argument,
                "there is no group '" + name + "': create it or configure another");
  return found->gr_gid;
}

}  // namespace domed
