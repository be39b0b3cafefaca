#include "power/disk.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <fstream>
#include <string_view>

namespace domed::test {

struct Disk::Node {
  struct Change {
    bool truncation;
    std::size_t offset;  // of a truncation: the size
    std::string bytes;
  };
  struct Naming {
    std::string gone, name;  // "": none
    NodePtr node;
  };
  bool directory = false;
  std::string durable;
  std::vector<Change> changes;  // since then
  std::map<std::string, NodePtr> names;
  std::vector<Naming> namings;  // likewise
};

namespace {

constexpr std::size_t kSector = 512;

Disk* current = nullptr;

// The system's own function of the name.
#define SYSTEMS(function) reinterpret_cast<decltype(&::function)>(dlsym(RTLD_NEXT, #function))

std::string path_of(int directory, const char* path) {
  if (directory == AT_FDCWD || *path == '/') return path;
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(directory)) / path;
}

void put(std::string& bytes, std::size_t offset, std::string_view written) {
  bytes.resize(std::max(bytes.size(), offset + written.size()));
  bytes.replace(offset, written.size(), written);
}

void synced(Disk::Node& node) {
  for (const auto& [truncation, offset, bytes] : node.changes)
    truncation ? node.durable.resize(offset) : put(node.durable, offset, bytes);
  node.changes.clear();
  for (const auto& [gone, name, to] : node.namings) {
    node.names.erase(gone);
    if (to) node.names[name] = to;
  }
  node.namings.clear();
}

// Of the changes up to the last cut of the file that took place each sector has seen as many as
// chance has it, in their order: it was written from memory when these were done.
std::string survivor(const Disk::Node& node, std::mt19937_64& random) {
  const auto& changes = node.changes;
  std::size_t last = changes.size();
  for (std::size_t i = 0; i < changes.size(); ++i)
    if (changes[i].truncation && random() % 2 == 0) last = std::min(last, i);
  const std::size_t rarity = std::size_t{1} << random() % 9;  // of sectors that are behind
  const auto seen = [&] { return random() % rarity == 0 ? random() % (last + 1) : last; };
  std::map<std::size_t, std::size_t> seen_by;  // first byte of the sector
  const std::size_t size_seen = seen();
  std::size_t size = node.durable.size();
  std::string out = node.durable;
  for (std::size_t i = 0; i < last; ++i) {
    const auto& [truncation, offset, bytes] = changes[i];
    const std::size_t end = offset + bytes.size();
    if (truncation || i < size_seen) size = truncation ? offset : std::max(size, end);
    if (truncation) out.resize(offset);
    for (std::size_t at = offset, next; at < end; at = next) {
      next = std::min(end, (at / kSector + 1) * kSector);
      const auto sector = seen_by.try_emplace(at / kSector, 0);
      if (sector.second) sector.first->second = seen();
      if (i < sector.first->second)
        put(out, at, std::string_view(bytes).substr(at - offset, next - at));
    }
  }
  out.resize(size);
  return out;
}

void leave(const Disk::Node& node, const std::filesystem::path& path, std::mt19937_64& random) {
  if (!node.directory) {
    std::ofstream(path, std::ios::binary) << survivor(node, random);
    return;
  }
  std::filesystem::create_directory(path);
  auto names = node.names;
  const std::size_t rarity = 2 + random() % 8;
  for (const auto& [gone, name, to] : node.namings) {
    if (random() % rarity == 0) continue;
    names.erase(gone);
    if (to) names[name] = to;
  }
  for (const auto& [name, entry] : names) leave(*entry, path / name, random);
}

bool is_at(Disk::Node node, const std::filesystem::path& path) {
  synced(node);
  if (!node.directory) {
    std::ifstream file(path, std::ios::binary);
    return node.durable == std::string(std::istreambuf_iterator<char>(file), {});
  }
  const std::filesystem::directory_iterator there(path);
  return static_cast<std::size_t>(std::distance(begin(there), end(there))) == node.names.size() &&
         std::all_of(node.names.begin(), node.names.end(), [&](const auto& entry) {
           return exists(path / entry.first) && is_at(*entry.second, path / entry.first);
         });
}

}  // namespace

bool Disk::is_true() const {
  return is_at(*root_, path_);
}

Disk::Disk(const std::filesystem::path& root) : path_(root), root_(std::make_shared<Node>()) {
  struct stat info {};
  if (current || ::stat(root.c_str(), &info) != 0) throw std::logic_error("no place for a Disk");
  root_->directory = true;
  nodes_[{info.st_dev, info.st_ino}] = root_;
  current = this;
}

Disk::~Disk() {
  current = nullptr;
}

void Disk::leave_in(const std::filesystem::path& directory, std::mt19937_64& random) const {
  current = nullptr;
  leave(*root_, directory, random);
}

bool Disk::begin() {
  ++operations_;
  if (is_lost()) errno = EIO;
  return !is_lost();
}

Disk::NodePtr Disk::node(int fd, const std::string& path) const {
  struct stat info {};
  if ((path.empty() ? ::fstat(fd, &info) : ::lstat(path.c_str(), &info)) != 0) return nullptr;
  const auto found = nodes_.find({info.st_dev, info.st_ino});
  return found == nodes_.end() ? nullptr : found->second;
}

bool Disk::knows(const std::string& path) const {
  return node(-1, std::filesystem::path(path).parent_path()) != nullptr;
}

// In its directory "gone" is not there any more, and "path" leads to "node".
void Disk::name(const std::string& gone, const std::string& path, NodePtr node) {
  const std::filesystem::path whole = path.empty() ? gone : path;
  this->node(-1, whole.parent_path())
      ->namings.push_back({std::filesystem::path(gone).filename(),
                           std::filesystem::path(path).filename(), std::move(node)});
}

void Disk::made(const std::string& path) {
  struct stat info {};
  ::lstat(path.c_str(), &info);
  const auto node = std::make_shared<Node>();
  node->directory = S_ISDIR(info.st_mode);
  nodes_[{info.st_dev, info.st_ino}] = node;  // a number may have been another's before
  name("", path, node);
}

ssize_t Disk::write(int fd, const void* bytes, std::size_t size, off_t offset) {
  if (!begin()) return -1;
  if (full_ == 2) return full_ = 0, errno = ENOSPC, -1;
  if (full_ == 1 && size > 1) ++full_, size /= 2;
  const ssize_t n = SYSTEMS(pwrite)(fd, bytes, size, offset);
  if (n > 0)
    node(fd)->changes.push_back({false,
                                 static_cast<std::size_t>(offset),
                                 {static_cast<const char*>(bytes), static_cast<std::size_t>(n)}});
  return n;
}

int Disk::truncate(int fd, off_t size) {
  if (!begin()) return -1;
  node(fd)->changes.push_back({true, static_cast<std::size_t>(size), {}});
  return SYSTEMS(ftruncate)(fd, size);
}

// Not passed on: only this object asks what is durable.
int Disk::sync(int fd) {
  if (!begin()) return -1;
  synced(*node(fd));
  return 0;
}

int Disk::rename(const char* from, const char* to) {
  if (std::filesystem::path(from).parent_path() != std::filesystem::path(to).parent_path())
    throw std::logic_error("a Disk has no renames into another directory");
  if (!begin()) return -1;
  const auto moved = node(-1, from);
  const int result = SYSTEMS(rename)(from, to);
  if (result == 0) name(from, to, moved);
  return result;
}

namespace {

bool is_ours(int fd) {
  return current && current->node(fd);
}

template <class Call>
int make(const std::string& path, Call&& call) {
  struct stat info {};
  if (!current || !current->knows(path) || ::lstat(path.c_str(), &info) == 0) return call();
  if (!current->begin()) return -1;
  const int result = call();
  if (result >= 0) current->made(path);
  return result;
}

template <class Call>
int remove(const std::string& path, Call&& call) {
  if (!current || !current->knows(path)) return call();
  if (!current->begin()) return -1;
  const int result = call();
  if (result == 0) current->name(path, "", nullptr);
  return result;
}

}  // namespace
}  // namespace domed::test

// In the place of the C library's, for the standard library too.
using namespace domed::test;
extern "C" {
int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  const auto call = [&] { return SYSTEMS(open)(path, flags, mode); };
  return flags & O_CREAT ? make(path, call) : call();
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return is_ours(fd) ? current->write(fd, bytes, size, offset)
                     : SYSTEMS(pwrite)(fd, bytes, size, offset);
}
int ftruncate(int fd, off_t size) noexcept {
  return is_ours(fd) ? current->truncate(fd, size) : SYSTEMS(ftruncate)(fd, size);
}
int fsync(int fd) {
  return is_ours(fd) ? current->sync(fd) : SYSTEMS(fsync)(fd);
}
int fdatasync(int fd) {
  return is_ours(fd) ? current->sync(fd) : SYSTEMS(fdatasync)(fd);
}
int mkdir(const char* path, mode_t mode) noexcept {
  return make(path, [&] { return SYSTEMS(mkdir)(path, mode); });
}
int rename(const char* from, const char* to) noexcept {
  return current && current->knows(to) ? current->rename(from, to) : SYSTEMS(rename)(from, to);
}
int unlink(const char* path) noexcept {
  return remove(path, [&] { return SYSTEMS(unlink)(path); });
}
int rmdir(const char* path) noexcept {
  return remove(path, [&] { return SYSTEMS(rmdir)(path); });
}
int remove(const char* path) noexcept {
  return remove(path, [&] { return SYSTEMS(remove)(path); });
}
int unlinkat(int directory, const char* path, int flags) noexcept {
  const auto call = [&] { return SYSTEMS(unlinkat)(directory, path, flags); };
  return current ? remove(path_of(directory, path), call) : call();
}
}
