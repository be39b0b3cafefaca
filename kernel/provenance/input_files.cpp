#include "provenance/input_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "domed/support/hash.h"
#include "domed/error.h"

namespace domed {
namespace {

constexpr std::size_t kShownFiles = 64;

using Parts = std::vector<std::string>;

Parts split(const std::string& path) {
  Parts out;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    out.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

constexpr int kReadFile = O_RDONLY | O_NONBLOCK | O_CLOEXEC;

// Follows links as long as they stay below "top".
int open_below(int top, const std::string& path) {
  open_how how{};
  how.flags = kReadFile;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, top, path.c_str(), &how, sizeof how));
}

// Not even opened: that alone may do something.
[[noreturn]] void refuse_special(const std::string& path) {
  throw Error(Code::unsupported, path + " is not a regular file");
}

// Walks the tree with openat and O_NOFOLLOW, so that no path can lead out of it,
// also while somebody exchanges directories for links.
class Walk {
 public:
  Walk(const InputLimits& limits, SteadyTime deadline) : limits_(limits), deadline_(deadline) {}

  void operator()(int top, const Parts& pattern) {
    top_ = top;
    entered_.clear();
    enter(top, "", pattern, 0);
  }

  const std::map<std::string, std::string>& hashes() const { return hashes_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void enter(int directory, const std::string& prefix, const Parts& pattern, std::size_t at);
  void look(int directory, const std::string& prefix, const std::string& name, const Parts& pattern,
            std::size_t at);
  void look_at_link(int directory, const std::string& path, const std::string& name, bool any,
                    bool last);
  void take(const std::string& path, const Descriptor& file);
  void count();

  const InputLimits& limits_;
  const SteadyTime deadline_;
  int top_ = -1;
  std::map<std::string, std::string> hashes_;  // by path
  std::set<std::string> entered_;  // path, NUL, part: "**/**" would come again and again
  std::uint64_t bytes_ = 0;
  std::size_t entries_ = 0;
};

void Walk::count() {
  if (++entries_ > limits_.entries)
    throw Error(Code::exhausted, "the input patterns look at more than " +
                                     std::to_string(limits_.entries) + " files");
  if (std::chrono::steady_clock::now() > deadline_)
    throw Error(Code::exhausted, "hashing the input files took too long");
}

void Walk::enter(int directory, const std::string& prefix, const Parts& pattern, std::size_t at) {
  if (!entered_.insert(prefix + '\0' + std::to_string(at)).second) return;
  if (pattern[at] == "**" && at + 1 < pattern.size()) enter(directory, prefix, pattern, at + 1);
  const int again = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (again < 0) throw Error(Code::io, "./" + prefix + ": " + std::strerror(errno));
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(again), ::closedir);
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    count();
    look(directory, prefix, name, pattern, at);
  }
}

void Walk::look(int directory, const std::string& prefix, const std::string& name,
                const Parts& pattern, std::size_t at) {
  const bool any = pattern[at] == "**";
  const bool last = at + 1 == pattern.size();
  if (any ? name.front() == '.' : ::fnmatch(pattern[at].c_str(), name.c_str(), FNM_PERIOD) != 0)
    return;
  struct stat info;
  if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;  // gone
  const std::string path = prefix + name;
  if (S_ISLNK(info.st_mode)) return look_at_link(directory, path, name, any, last);
  if (S_ISREG(info.st_mode) && last)
    return take(path, Descriptor(::openat(directory, name.c_str(), kReadFile | O_NOFOLLOW)));
  if (!S_ISDIR(info.st_mode) && last) refuse_special(path);
  if (!S_ISDIR(info.st_mode) || (last && !any)) return;
  const Descriptor inner(
      ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (inner.number() < 0) throw Error(Code::io, path + ": " + std::strerror(errno));
  enter(inner.number(), path + "/", pattern, any ? at : at + 1);
}

// A linked directory would have to be walked, and may hold itself.
void Walk::look_at_link(int directory, const std::string& path, const std::string& name, bool any,
                        bool last) {
  struct stat target;
  const bool there = ::fstatat(directory, name.c_str(), &target, 0) == 0;
  const bool leads_to_directory = there && S_ISDIR(target.st_mode);
  if (leads_to_directory && (any || !last))
    throw Error(Code::unsupported,
                path + " is a link to a directory, which the input patterns do not follow");
  if (leads_to_directory || !last) return;
  if (there && !S_ISREG(target.st_mode)) refuse_special(path);
  take(path, Descriptor(open_below(top_, path)));
}

void Walk::take(const std::string& path, const Descriptor& file) {
  if (hashes_.count(path)) return;
  if (hashes_.size() == limits_.files)
    throw Error(Code::exhausted,
                "the input patterns match more than " + std::to_string(limits_.files) + " files");
  struct stat info;
  if (file.number() < 0 && errno == EXDEV)
    throw Error(Code::io, "the input file " + path + " is a link that leads out of the directory");
  if (file.number() < 0 || ::fstat(file.number(), &info) != 0)
    throw Error(Code::io, "the input file " + path + ": " + std::strerror(errno));
  const std::uint64_t left = limits_.bytes - bytes_;
  if (static_cast<std::uint64_t>(info.st_size) > left)
    throw Error(Code::exhausted,
                "the input files have more than " + std::to_string(limits_.bytes) + " bytes");
  hashes_[path] = hash_open_file(file.number(), path, left, deadline_);
  bytes_ += static_cast<std::uint64_t>(info.st_size);
}

// As sha256sum marks and writes names that hold a backslash or a line break.
std::string sum_line(const std::string& path, const std::string& hash) {
  std::string name;
  for (const char c : path) {
    if (c == '\\')
      name += "\\\\";
    else if (c == '\n')
      name += "\\n";
    else if (c == '\r')
      name += "\\r";
    else
      name += c;
  }
  return (name == path ? "" : "\\") + hash + "  " + name + "\n";
}

Json shown(const std::map<std::string, std::string>& hashes) {
  Json out = Json::array();
  for (const auto& [path, hash] : hashes) {
    if (!is_utf8(path)) return nullptr;
    out.push_back({{"path", path}, {"sha256", hash}});
  }
  return out;
}

}  // namespace

Json hash_inputs(const std::string& directory, const std::vector<std::string>& patterns,
                 const InputLimits& limits, SteadyTime deadline) {
  const Descriptor top(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (top.number() < 0) throw Error(Code::io, directory + ": " + std::strerror(errno));
  Walk walk(limits, deadline);
  for (const auto& pattern : patterns) walk(top.number(), split(pattern));
  Sha256 all;
  for (const auto& [path, hash] : walk.hashes()) all.update(sum_line(path, hash));
  Json out{{"patterns", patterns},
           {"count", walk.hashes().size()},
           {"bytes", walk.bytes()},
           {"sha256", to_hex(all.digest())}};
  const Json list = walk.hashes().size() <= kShownFiles ? shown(walk.hashes()) : Json();
  out["files"] = list.is_null() ? Json("unknown") : list;
  if (list.is_null())
    out["files_reason"] = "more than 64, or names that are not UTF-8: sha256 covers them all";
  return out;
}

}  // namespace domed
