#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace domed {

using SteadyTime = std::chrono::steady_clock::time_point;

// SHA-256 of the regular file behind "descriptor", in lower-case hex.  Throws
// Error naming "path": unsupported for any other kind of file or above
// "max_bytes", io where it cannot be read or "deadline" passes.
std::string hash_open_file(int descriptor, const std::string& path, std::uint64_t max_bytes,
                           SteadyTime deadline);

// The same of files by their paths, each read once as long as it does not
// change (path, device, inode, size and times).  Thread-safe.
class FileHashes {
 public:
  std::string sha256_of(const std::string& path, SteadyTime deadline);

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> known_;  // path and stamp to hash
};

}  // namespace domed
