#include "domed/support/executable.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace domed {
namespace {

// Nanoseconds too: a build writes a program twice within a second.
std::string text(const timespec& time) {
  return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
}

}  // namespace

bool is_executable(const std::string& path) {
  struct stat info;
  // Directories have x bits too, and a FIFO may have.
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

std::string find_executable(const std::string& name, std::string_view search_path) {
  // As execvp: a name with a slash is a path and not looked up.
  if (name.find('/') != std::string::npos) return name.front() == '/' ? name : std::string();
  while (!search_path.empty()) {
    const std::size_t end = std::min(search_path.find(':'), search_path.size());
    const std::string candidate = std::string(search_path.substr(0, end)) + "/" + name;
    // An empty entry means the working directory to a shell.  To a daemon, whose working directory
    // says nothing, it would mean that whoever may write there chooses the program.
    if (end > 0 && candidate.front() == '/' && is_executable(candidate)) return candidate;
    search_path.remove_prefix(std::min(end + 1, search_path.size()));
  }
  return {};
}

std::string file_stamp(const std::string& path) {
  struct stat info;
  if (path.empty() || ::stat(path.c_str(), &info) != 0) return {};
  // The change time as well: who rewrites a file can set the other one back, this one only by
  // setting the clock.  Not a hash: this is asked before each collection, and programs are large.
  return std::to_string(info.st_dev) + "/" + std::to_string(info.st_ino) + "/" +
         std::to_string(info.st_size) + "/" + text(info.st_mtim) + "/" + text(info.st_ctim);
}

}  // namespace domed
