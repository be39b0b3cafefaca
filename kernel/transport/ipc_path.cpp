#include "transport/ipc_path.h"

#include <fcntl.h>
#include <grp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <vector>

#include "domed/error.h"
#include "protocol/endpoint.h"
#include "system/own_file.h"
#include "system/trusted_path.h"
#include "system/unix_socket.h"

namespace domed {
namespace {

Error system_error(const std::string& what) {
  return Error(Code::io, what + ": " + std::strerror(errno));
}

// What lies on the way there was looked at when it was made or found.
void check_directory(const std::string& directory, std::optional<gid_t> group) {
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
    throw Error(Code::invalid_argument, subject + " belongs to " + describe_user(status.st_uid) +
                                            ", not to " + describe_user(geteuid()) + way_out);
  // Who can enter the directory can try every socket in it, and could connect to one before its
  // own mode is set.
  const mode_t closed = group ? S_IWGRP | S_IRWXO : S_IRWXG | S_IRWXO;
  if (status.st_mode & closed)
    throw Error(Code::invalid_argument,
                subject + " has the mode " + octal(status.st_mode) + ", which lets others in: " +
                    (group ? "chmod 750 " + directory
                           : "chmod 700 " + directory +
                                 ", or name the group that may come in as control.group"));
  if (group && (status.st_gid != *group || !(status.st_mode & S_IXGRP)))
    spdlog::warn("{} cannot be entered by group {}: chgrp {} and chmod 750 it", subject, *group,
                 *group);
}

void check_path(const std::string& path) {
  if (path.empty() || path.front() != '/')
    throw Error(Code::invalid_argument,
                "ipc://" + path + " is not an absolute path: write ipc:///directory/name.ipc");
  if (path.size() > kLongestSocketPath)
    throw Error(Code::invalid_argument, "ipc://" + path + " is " + std::to_string(path.size()) +
                                            " bytes long, a socket's path at most " +
                                            std::to_string(kLongestSocketPath) +
                                            ": configure a shorter one");
}

std::mutex socket_files_mutex;
// nng unlinks a listener's path when it closes it, whosever socket lies there by then: another
// daemon's, say, that took the place after ours was removed. nng_guard.c asks here first.
std::map<std::string, FileIdentity> socket_files;  // of this process's listeners

// Nobody listens at a socket that was left behind by a process that ended.
bool is_stale(const std::string& path) {
  const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, kLongestSocketPath);
  // Refused, and nothing else: a full backlog (EAGAIN) is somebody who is busy.
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == ECONNREFUSED;
}

}  // namespace

void SocketFile::remember() {
  own_ = identity_of(path_);
  const std::lock_guard lock(socket_files_mutex);
  socket_files[path_] = own_;
}

SocketFile::~SocketFile() {
  const std::lock_guard lock(socket_files_mutex);
  socket_files.erase(path_);
}

FileLock claim_ipc_path(const std::string& path, std::optional<gid_t> group) {
  check_path(path);
  const std::string directory = std::filesystem::path(path).parent_path().string();
  make_private_directories(directory, "the socket's directory " + directory, group);
  check_directory(directory, group);
  return {lock_beside(path), "ipc://" + path + " is served"};
}

void set_ipc_access(const std::string& path, std::optional<gid_t> group) {
  if (!group) return;  // made with 0600
  if (chown(path.c_str(), -1, *group) != 0 || chmod(path.c_str(), 0660) != 0)
    throw system_error("cannot open " + path + " to group " + std::to_string(*group));
}

void remove_stale_socket(const std::string& path, const FileIdentity& own) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return;
    throw system_error("cannot look at " + path);
  }
  if (!S_ISSOCK(status.st_mode))
    throw Error(Code::invalid_argument,
                path + " exists and is not a socket: move it away or configure another path");
  // One's own listens still, though nobody gets through to it (Endpoint::relisten).
  if (own != FileIdentity{status.st_dev, status.st_ino} && !is_stale(path))
    throw Error(Code::conflict,
                "another program listens at " + path + ": stop it or configure another path");
  if (unlinkat(AT_FDCWD, path.c_str(), 0) != 0 && errno != ENOENT)
    throw system_error("cannot remove the stale socket " + path);
}

IpcPlace::IpcPlace(std::string path, const std::string& group)
    : path_(std::move(path)), file_(path_) {
  if (path_.empty()) return;
  if (!group.empty()) group_ = group_id(group);
  prepare();
}

// The lock first: what another has by now stays theirs.
void IpcPlace::prepare() {
  if (path_.empty()) return;
  if (!lock_.in_place()) lock_ = claim_ipc_path(path_, group_);
  remove_stale_socket(path_, file_.identity());
}

void IpcPlace::opened() {
  if (path_.empty()) return;
  set_ipc_access(path_, group_);
  file_.remember();
}

bool IpcPlace::in_place() const {
  return path_.empty() || (lock_.in_place() && file_.in_place());
}

void IpcPlace::remove() {
  if (!path_.empty() && file_.in_place()) unlinkat(AT_FDCWD, path_.c_str(), 0);
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

extern "C" bool domed_may_unlink(const char* path) {
  const std::lock_guard lock(domed::socket_files_mutex);
  const auto found = domed::socket_files.find(path);
  return found == domed::socket_files.end() || domed::identity_of(path) == found->second;
}
