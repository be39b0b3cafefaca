#include "place.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "domed/error.h"
#include "files.h"

namespace domed::git {
namespace {

constexpr std::size_t kMaxPointer = 16 << 10;  // of files that hold one path

std::string existing_directory(const std::string& path) {
  if (path.empty()) throw Error(Code::not_found, "the job named no working directory");
  const std::string subject = "the working directory " + path;
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) {
    throw Error(Code::not_found, errno == ENOENT ? subject + " does not exist"
                                                 : subject + ": " + std::strerror(errno));
  }
  if (!S_ISDIR(info.st_mode)) throw Error(Code::not_found, subject + " is not a directory");
  const std::string real = real_path(path);
  if (real.empty()) throw Error(Code::io, subject + ": " + std::strerror(errno));
  if (::access(real.c_str(), X_OK) != 0) {
    throw Error(Code::io, subject + " cannot be entered: " + std::strerror(errno));
  }
  return real;
}

std::string without_line_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

bool exists(const std::string& path, bool as_directory) {
  struct stat info;
  if (!as_directory) return ::lstat(path.c_str(), &info) == 0;
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// As git tells one: by a HEAD, and what a repository needs beside it, or where that is.
bool is_git_dir(const std::string& path) {
  if (!exists(path + "/HEAD", false)) return false;
  return exists(path + "/commondir", false) ||
         (exists(path + "/objects", true) && exists(path + "/refs", true));
}

class Search {
 public:
  explicit Search(const std::string& directory) { found_.directory = existing_directory(directory); }
  Place operator()(bool read_foreign);

 private:
  void go_up();
  void enter_dot_git();
  void find_common_dir();
  void check_link();
  void check_owners(bool read_foreign);

  Place found_;
};

Place Search::operator()(bool read_foreign) {
  go_up();
  if (!found_.holder.empty()) enter_dot_git();
  for (const std::string* path : {&found_.holder, &found_.git_dir}) {
    if (path->find('\n') != std::string::npos)
      throw Error(Code::unsupported, "the repository's path holds a line break");
  }
  check_owners(read_foreign);
  find_common_dir();
  check_owners(read_foreign);
  check_link();
  return std::move(found_);
}

// Up to the border of the file system, as git goes without GIT_DISCOVERY_ACROSS_FILESYSTEM.
void Search::go_up() {
  struct stat start, here;
  std::string at = found_.directory;
  bool inside = ::stat(at.c_str(), &start) == 0;
  while (inside && ::stat(at.c_str(), &here) == 0 && here.st_dev == start.st_dev) {
    if (exists((at == "/" ? "" : at) + "/.git", false)) {
      found_.holder = at;
      return;
    }
    if (is_git_dir(at)) {
      found_.git_dir = at;
      return;
    }
    inside = at != "/";
    at.resize(std::max<std::size_t>(at.rfind('/'), 1));
  }
  throw Error(Code::not_found, "not a repository: there is no .git in " + found_.directory +
                                   " or above it on its file system");
}

void Search::enter_dot_git() {
  const Directory holder(found_.holder);
  const std::string entry = (found_.holder == "/" ? "" : found_.holder) + "/.git";
  static constexpr std::string_view kMark = "gitdir: ";
  struct stat info;
  if (::lstat(entry.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
    const std::string text = without_line_end(holder.read(".git", kMaxPointer).value_or(""));
    if (text.starts_with(kMark))
      found_.git_dir = real_path_from(found_.holder, text.substr(kMark.size()));
  } else {
    found_.git_dir = real_path(entry);
    if (found_.git_dir.empty() && errno == EACCES)
      throw Error(Code::io, failure_at(entry, errno));
  }
  if (found_.git_dir.empty() || !exists(found_.git_dir, true) ||
      (::access(found_.git_dir.c_str(), X_OK) == 0 && !is_git_dir(found_.git_dir)))
    throw Error(Code::corruption, "the repository is corrupt: there is a .git in " +
                                      found_.holder + ", but git does not accept it");
}

// A linked working tree's own part lies in the repository that it is of: who can write there may
// say so.
void Search::find_common_dir() {
  const auto named = Directory(found_.git_dir).read("commondir", kMaxPointer);
  found_.common_dir = found_.git_dir;
  if (!named) return;
  const std::string common = real_path_from(found_.git_dir, without_line_end(*named));
  if (common.empty() || !is_git_dir(common))
    throw Error(Code::corruption, "the repository is corrupt: the commondir of " + found_.git_dir +
                                      " leads to no repository");
  if (!is_below(found_.git_dir, common + "/worktrees"))
    throw Error(Code::unsupported, "the repository leads elsewhere: the commondir of " +
                                       found_.git_dir + " names " + common +
                                       ", which does not have it as a working tree");
  found_.common_dir = common;
}

void Search::check_link() {
  const bool within = found_.holder.empty() || is_below(found_.git_dir, found_.holder);
  if (within) return;
  if (!found_.linked()) {
    found_.must_name_holder = true;
    return;
  }
  const std::string back =
      without_line_end(Directory(found_.git_dir).read("gitdir", kMaxPointer).value_or(""));
  const std::string tree = back.ends_with("/.git") ? back.substr(0, back.size() - 5) : "";
  if (tree.empty() || real_path_from(found_.git_dir, tree) != found_.holder)
    throw Error(Code::unsupported, "the repository leads elsewhere: " + found_.git_dir +
                                       " is not of the working tree " + found_.holder +
                                       " ('git worktree repair' says so where it is)");
}

void Search::check_owners(bool read_foreign) {
  const std::string entry = found_.holder.empty() ? "" : found_.holder + "/.git";
  for (const std::string& path : {found_.holder, entry, found_.git_dir, found_.common_dir}) {
    struct stat info;
    if (path.empty() || ::lstat(path.c_str(), &info) != 0 || is_own(info.st_uid)) continue;
    found_.foreign = true;
    if (!read_foreign)
      throw Error(Code::unsupported,
                  "another user's repository: " + path + " belongs to uid " +
                      std::to_string(info.st_uid) +
                      ", and the option 'foreign_owner' of provenance-git is 'refuse'");
  }
}

}  // namespace

Place find_place(const std::string& directory, bool read_foreign) {
  return Search(directory)(read_foreign);
}

}  // namespace domed::git
