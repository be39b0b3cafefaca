#include "system/trusted_path.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <vector>

#include "domed/error.h"
#include "system/fd.h"
#include "system/own_file.h"

namespace domed {
namespace {

namespace fs = std::filesystem;

bool is_trusted(uid_t user) {
  return user == 0 || user == geteuid();
}

std::string name_of(uid_t user) {
  std::vector<char> space(1 << 14);
  passwd entry{};
  passwd* found = nullptr;
  getpwuid_r(user, &entry, space.data(), space.size(), &found);
  return found ? found->pw_name : "";
}

// Many systems give each user a group of the same name, and its members write what
// is the group's: harmless while nobody else is in it.
bool is_private(gid_t group) {
  static std::mutex one_at_a_time;  // the lists are read with functions that share memory
  const std::lock_guard lock(one_at_a_time);
  const struct group* entry = getgrgid(group);
  if (entry) {
    const std::string own = name_of(geteuid());
    for (char** member = entry->gr_mem; *member; ++member)
      if (*member != own && std::strcmp(*member, "root") != 0) return false;
  }
  bool alone = true;
  setpwent();
  while (const passwd* user = getpwent())
    if (user->pw_gid == group && !is_trusted(user->pw_uid)) alone = false;
  endpwent();
  return alone && (entry || group == getegid());
}

// With an access list the group's bits stand for everybody on it.
bool has_access_list(const fs::path& path) {
  return lgetxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
}

bool others_write(const fs::path& path, const struct stat& status) {
  if (S_ISLNK(status.st_mode)) return false;  // has no mode of its own
  if (status.st_mode & S_IWOTH) return true;
  return (status.st_mode & S_IWGRP) && (has_access_list(path) || !is_private(status.st_gid));
}

// A walk along a path, through its links, as the system would go.
class Walk {
 public:
  explicit Walk(const fs::path& path) { put(path); }

  std::optional<std::string> run() {
    if (auto found = look("/")) return found;
    while (!left_.empty()) {
      const std::string part = std::move(left_.back());
      left_.pop_back();
      if (part.empty() || part == "." || part == "/") continue;
      if (part == "..") {
        at_ = at_.parent_path();
        continue;
      }
      if (auto found = step(part)) return found;
      if (ended_) break;
    }
    return sticky_end();
  }

 private:
  void put(const fs::path& path) {
    const std::vector<fs::path> parts(path.begin(), path.end());
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) left_.push_back(part->string());
  }

  std::optional<std::string> step(const std::string& part) {
    const fs::path next = at_ / part;
    if (auto found = look(next)) return found;
    if (ended_) return std::nullopt;
    if (!S_ISLNK(status_.st_mode)) {
      at_ = next;
      return std::nullopt;
    }
    if (++links_ > kMostLinks) return next.string() + " is one of too many symbolic links";
    std::error_code error;
    const fs::path target = fs::read_symlink(next, error);
    if (target.is_absolute()) at_ = "/";
    put(target);
    return std::nullopt;
  }

  std::optional<std::string> look(const fs::path& path) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) {
      ended_ = true;
      return std::nullopt;
    }
    status_ = status;
    if (!is_trusted(status.st_uid))
      return path.string() + " belongs to " + describe_user(status.st_uid);
    const bool guarded = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX);
    if (!guarded && others_write(path, status))
      return path.string() + " can be written by others (mode " + octal(status.st_mode) + ")";
    return std::nullopt;
  }

  // Nothing follows that its owner would protect.
  std::optional<std::string> sticky_end() const {
    if (ended_ || !S_ISDIR(status_.st_mode) || !others_write(at_, status_)) return std::nullopt;
    return at_.string() + " can be written by others (mode " + octal(status_.st_mode) + ")";
  }

  std::vector<std::string> left_;  // the next part last
  fs::path at_ = "/";
  struct stat status_ {};
  int links_ = 0;
  bool ended_ = false;  // at what is not there
};

[[noreturn]] void cannot_make(const std::string& subject, const fs::path& directory) {
  throw Error(Code::io, subject + ": cannot make the directory " + directory.string() + ": " +
                            std::strerror(errno) + ": make it yourself, or configure another path");
}

void make_one(const fs::path& directory, const std::string& subject, std::optional<gid_t> group) {
  struct stat above {};
  if (stat(directory.parent_path().c_str(), &above) == 0 && (above.st_mode & S_ISVTX) &&
      (above.st_mode & (S_IWGRP | S_IWOTH)))
    throw Error(Code::invalid_argument,
                subject + ": " + directory.string() + " is not there, and in " +
                    directory.parent_path().string() +
                    " any user could make it first: make it yourself (mkdir -m 700 " +
                    directory.string() + "), or configure a path in a directory of your own");
  if (mkdir(directory.c_str(), 0700) != 0) {
    if (errno == EEXIST) return;
    cannot_make(subject, directory);
  }
  if (chmod(directory.c_str(), 0700) != 0) cannot_make(subject, directory);  // whatever the umask
  if (!group) return;
  if (chown(directory.c_str(), static_cast<uid_t>(-1), *group) != 0 ||
      chmod(directory.c_str(), 0750) != 0)
    throw Error(Code::io, subject + ": cannot open " + directory.string() + " to group " +
                              std::to_string(*group) + ": " + std::strerror(errno) +
                              ": be a member of the group, or configure another");
}

void make_missing(const fs::path& directory, const std::string& subject,
                  std::optional<gid_t> group) {
  std::error_code error;
  if (directory == directory.parent_path() || fs::is_directory(directory, error)) return;
  make_missing(directory.parent_path(), subject, group);
  make_one(directory, subject, group);
  // Whoever syncs a file in it later syncs no name above it.
  sync_directory(directory.parent_path());
}

}  // namespace

std::string octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", mode & 07777);
  return text;
}

std::optional<std::string> weakness_of(const fs::path& path) {
  return Walk(path).run();
}

void make_private_directories(const fs::path& directory, const std::string& subject,
                              std::optional<gid_t> group) {
  const auto refuse_weakness = [&] {
    if (const auto why = weakness_of(directory))
      throw Error(Code::invalid_argument, subject + " could be replaced by others: " + *why +
                                              ": configure a path in a directory of your own");
  };
  refuse_weakness();
  make_missing(directory, subject, group);
  refuse_weakness();
}

std::string describe_user(uid_t user) {
  const std::string name = name_of(user);
  return "uid " + std::to_string(user) + (name.empty() ? "" : " (" + name + ")");
}

}  // namespace domed
