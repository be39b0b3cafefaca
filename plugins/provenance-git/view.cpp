#include "view.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "domed/error.h"
#include "files.h"

namespace domed::git {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "domed-view-";
constexpr std::size_t kMaxAlternates = 64 << 10;
constexpr std::size_t kMaxInfo = 16 << 20;
constexpr std::uint64_t kMaxIndex = std::uint64_t{1} << 30;

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw Error(Code::io, "git's view of the repository, " + path + ", cannot be made: " + why);
}

// Where only root and we can put something else in the place of what we make there.
std::string safe_parent() {
  std::error_code failed;
  const std::string parent = fs::canonical(fs::temp_directory_path(failed), failed).string();
  struct stat info;
  if (failed || ::stat(parent.c_str(), &info) != 0) fail("a temporary directory", "there is none");
  const bool others = (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  if (!is_own(info.st_uid) || (others && (info.st_mode & S_ISVTX) == 0))
    fail(parent, "others could exchange what is in it; set TMPDIR to a directory of the daemon's");
  return parent;
}

bool holds_objects(const std::string& name) {
  return name == "pack" ||
         (name.size() == 2 && name.find_first_not_of("0123456789abcdef") == std::string::npos);
}

// Those of "text" that may count, as git reads them.  Objects that somebody else lends would make
// the daemon tell of what only the daemon may read.
std::string own_alternates(const std::string& text, const std::string& objects, bool foreign) {
  std::string out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty() || line[0] == '#') continue;
    const std::string real = real_path_from(objects, line);
    if (real.empty()) continue;  // git goes without it, too
    struct stat info;
    if (foreign || ::stat(real.c_str(), &info) != 0 || !is_own(info.st_uid) || line[0] == '"' ||
        real.find('\n') != std::string::npos)
      throw Error(Code::unsupported,
                  "the repository leads elsewhere: objects/info/alternates names " + line +
                      ", which is read only where both belong to the daemon's user or root");
    out += real + "\n";
  }
  return out;
}

}  // namespace

void remove_left_views(const std::string& parent) {
  constexpr std::time_t kYoung = 60;  // seconds: it may not be locked yet
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(parent, failed)) {
    struct stat info;
    if (!entry.path().filename().string().starts_with(kPrefix) ||
        ::lstat(entry.path().c_str(), &info) != 0 || !S_ISDIR(info.st_mode) ||
        info.st_uid != ::geteuid() || std::time(nullptr) - info.st_mtime < kYoung)
      continue;
    const int directory = ::open(entry.path().c_str(), O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    std::error_code left;
    if (directory >= 0 && ::flock(directory, LOCK_EX | LOCK_NB) == 0)
      fs::remove_all(entry.path(), left);
    if (directory >= 0) ::close(directory);
  }
}

View::View() {
  const std::string parent = safe_parent();
  static std::once_flag swept;
  std::call_once(swept, remove_left_views, parent);
  path_ = parent + "/" + kPrefix + "XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) fail(path_, std::strerror(errno));
  lock_ = ::open(path_.c_str(), O_DIRECTORY | O_CLOEXEC);
  if (lock_ >= 0) ::flock(lock_, LOCK_SH | LOCK_NB);
  for (const char* name : {"objects", "objects/info", "info", "refs", "refs/heads"})
    if (::mkdir((path_ + "/" + name).c_str(), 0700) != 0) fail(path_, std::strerror(errno));
}

View::~View() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  if (lock_ >= 0) ::close(lock_);
}

void View::put_text(const std::string& name, const std::string& text) const {
  std::ofstream out(path_ + "/" + name, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) fail(path_ + "/" + name, "it cannot be written");
}

void View::put_link(const std::string& target, const std::string& name) const {
  if (::symlink(target.c_str(), (path_ + "/" + name).c_str()) != 0)
    fail(path_ + "/" + name, std::strerror(errno));
}

void View::put_repository(const Place& place, const Config& config, const Head& head,
                          const std::string& packed) const {
  const Directory common(place.common_dir);
  put_text("config", config.as_file());
  // An id detaches it: that the branch moves meanwhile changes no comparison.
  put_text("HEAD", head.id ? *head.id + "\n" : "ref: " + head.ref + "\n");
  if (!packed.empty()) put_text("packed-refs", packed);
  common.copy("shallow", path_ + "/shallow", kMaxInfo);
  if (common.has_directory("refs/tags")) put_link(place.common_dir + "/refs/tags", "refs/tags");
  put_objects(place);
}

void View::put_objects(const Place& place) const {
  const Directory common(place.common_dir);
  if (!common.has_directory("objects"))
    throw Error(Code::unsupported, "the repository leads elsewhere: " + place.common_dir +
                                       "/objects is no directory of its own");
  const Directory objects(place.common_dir + "/objects");
  for (const std::string& name : objects.names()) {
    if (holds_objects(name) && objects.has_directory(name))
      put_link(objects.path() + "/" + name, "objects/" + name);
  }
  // What makes walks through a long history quick.
  if (objects.has_file("info/commit-graph"))
    put_link(objects.path() + "/info/commit-graph", "objects/info/commit-graph");
  if (objects.has_directory("info/commit-graphs"))
    put_link(objects.path() + "/info/commit-graphs", "objects/info/commit-graphs");
  if (const auto text = objects.read("info/alternates", kMaxAlternates))
    put_text("objects/info/alternates", own_alternates(*text, objects.path(), place.foreign));
}

void View::put_index(const Place& place) const {
  const Directory git_dir(place.git_dir), common(place.common_dir);
  git_dir.copy("index", path_ + "/index", kMaxIndex);
  std::size_t shared = 0;
  for (const std::string& name : git_dir.names()) {
    if (!name.starts_with("sharedindex.")) continue;
    if (++shared > 16)
      throw Error(Code::exhausted, "more than 16 shared indexes lie in " + place.git_dir +
                                       "; 'git update-index --no-split-index' ends that");
    git_dir.copy(name, path_ + "/" + name, kMaxIndex);
  }
  git_dir.copy("info/sparse-checkout", path_ + "/info/sparse-checkout", kMaxInfo);
  for (const char* name : {"info/exclude", "info/attributes"})
    common.copy(name, path_ + "/" + name, kMaxInfo);
}

}  // namespace domed::git
