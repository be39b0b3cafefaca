#include "system/found_path.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "domed/error.h"

namespace domed {
namespace {

[[noreturn]] void fail(const std::string& path, int error) {
  const bool missing = error == ENOENT || error == ENOTDIR;
  throw Error(missing ? Code::not_found : Code::io, "\"" + path + "\": " + strerror(error));
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(Code::invalid_argument, "\"" + path + "\" " + why);
}

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) out.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  std::erase(out, ".");
  return out;
}

std::string target_of(int link, const std::string& path) {
  char target[PATH_MAX];
  const ssize_t n = readlinkat(link, "", target, sizeof target);
  if (n < 0) fail(path, errno);
  return {target, static_cast<std::size_t>(n)};
}

}  // namespace

FoundPath::FoundPath(const std::string& path) : path_(path) {
  if (!path.starts_with('/')) refuse(path, "is not absolute");
  steps_.emplace_back();
  steps_.back().fd = Fd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat info;
  if (!steps_.back().fd || fstat(get(), &info) != 0) fail(path_, errno);
  steps_.back().device = info.st_dev, steps_.back().inode = info.st_ino;
  steps_.back().mode = info.st_mode;
  std::vector<std::string> rest = parts_of(path);
  std::reverse(rest.begin(), rest.end());  // the next one is the last
  for (int links = 0; !rest.empty();) {
    const std::string name = std::move(rest.back());
    rest.pop_back();
    go(name, rest, links);
  }
}

void FoundPath::go(const std::string& name, std::vector<std::string>& rest, int& links) {
  if (!is_directory()) fail(path_, ENOTDIR);
  if (name == "..") {
    if (steps_.size() > 1) steps_.pop_back();
    return;
  }
  Step step;
  step.name = name;
  step.fd = Fd(openat(get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info;
  struct statfs system;
  if (!step.fd || fstat(step.fd.get(), &info) != 0 || fstatfs(step.fd.get(), &system) != 0)
    fail(path_, errno);
  if (system.f_type == PROC_SUPER_MAGIC)
    refuse(path_, "leads into /proc, where names mean something else to each process");
  if (!S_ISLNK(info.st_mode)) {
    step.device = info.st_dev, step.inode = info.st_ino, step.mode = info.st_mode;
    steps_.push_back(std::move(step));
    return;
  }
  if (info.st_uid != 0 && info.st_uid != geteuid())
    refuse(path_, "goes through the symbolic link \"" + name + "\", which another user owns");
  if (++links > kMostLinks) fail(path_, ELOOP);
  const std::string target = target_of(step.fd.get(), path_);
  if (target.starts_with('/')) steps_.resize(1);
  std::vector<std::string> more = parts_of(target);
  rest.insert(rest.end(), std::make_move_iterator(more.rbegin()),
              std::make_move_iterator(more.rend()));
}

bool FoundPath::is_in(const FoundPath& directory) const {
  const Step& wanted = directory.steps_.back();
  return std::any_of(steps_.begin(), steps_.end(), [&](const Step& step) {
    return step.device == wanted.device && step.inode == wanted.inode;
  });
}

bool FoundPath::is_in_one_of(const std::vector<std::string>& directories) const {
  return std::any_of(directories.begin(), directories.end(), [&](const auto& directory) {
    try {
      return is_in(FoundPath(directory));
    } catch (const Error&) {
      return false;
    }
  });
}

bool FoundPath::is_directory() const {
  return S_ISDIR(steps_.back().mode);
}

Fd FoundPath::open_file() const {
  const Step& file = steps_.back();
  if (!S_ISREG(file.mode)) refuse(path_, "is not a regular file");
  Fd out(openat(steps_.at(steps_.size() - 2).fd.get(), file.name.c_str(),
                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat info;
  if (!out || fstat(out.get(), &info) != 0) fail(path_, errno);
  if (info.st_dev != file.device || info.st_ino != file.inode)
    refuse(path_, "was replaced while it was opened");
  return out;
}

bool is_written_below(const std::string& path, const std::string& directory) {
  const auto inner = parts_of(path), outer = parts_of(directory);
  return outer.size() <= inner.size() && std::equal(outer.begin(), outer.end(), inner.begin());
}

bool goes_up(const std::string& path) {
  const auto parts = parts_of(path);
  return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

}  // namespace domed
