#include "provenance/file_hashes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "domed/error.h"
#include "domed/support/executable.h"
#include "domed/support/hash.h"

namespace domed {
namespace {

// Of one program.  The deadline comes first; this ends what grows while it is read.
constexpr std::uint64_t kMaxBytes = std::uint64_t{4} << 30;
constexpr std::size_t kMaxKnown = 1024;

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw Error(Code::io, path + ": " + why);
}

}  // namespace

std::string hash_open_file(int descriptor, const std::string& path, std::uint64_t max_bytes,
                           SteadyTime deadline) {
  struct stat info;
  if (::fstat(descriptor, &info) != 0) fail(path, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) throw Error(Code::unsupported, path + " is not a regular file");
  Sha256 hash;
  std::vector<char> buffer(256 << 10);
  std::uint64_t bytes = 0;
  while (true) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, std::strerror(errno));
    if (got == 0) return to_hex(hash.digest());
    hash.update({buffer.data(), static_cast<std::size_t>(got)});
    if ((bytes += static_cast<std::uint64_t>(got)) > max_bytes)
      throw Error(Code::unsupported, path + " has more bytes than are hashed");
    if (std::chrono::steady_clock::now() > deadline) fail(path, "hashing it took too long");
  }
}

std::string FileHashes::sha256_of(const std::string& path, SteadyTime deadline) {
  const std::string stamp = file_stamp(path);
  if (stamp.empty()) fail(path, std::strerror(errno));
  // The stamp is part of the key, so that a program that was replaced is hashed anew, and one that
  // is run a thousand times is hashed once.
  const std::string key = path + '\0' + stamp;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(key); found != known_.end()) return found->second;
  }
  // O_NONBLOCK: opening a FIFO would otherwise wait for somebody to write to it.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) fail(path, std::strerror(errno));
  std::string hash;
  try {
    hash = hash_open_file(descriptor, path, kMaxBytes, deadline);
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  ::close(descriptor);
  // Written while it was read: the hash is then of no one state of the file.
  if (file_stamp(path) != stamp) fail(path, "it was changed while it was hashed");
  const std::lock_guard lock(mutex_);
  // All at once rather than the oldest: more than a thousand programs are rare, and hashing again
  // costs time and nothing else.
  if (known_.size() >= kMaxKnown) known_.clear();
  return known_[key] = hash;
}

}  // namespace domed
