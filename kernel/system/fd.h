#pragma once

#include <unistd.h>

#include <string>
#include <utility>

namespace domed {

// Symbolic links on one way: as many as the system follows itself.
inline constexpr int kMostLinks = 40;

// An owned descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // Whose it is from here on, closes it.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

// The file's bytes, at most kMostOfProc; "" where it cannot be read.  For /proc, where files
// vanish at any moment and a process decides how long its own are.  Other files that somebody
// else can write: system/own_file.h.
inline constexpr std::size_t kMostOfProc = 8 << 20;
std::string read_if_there(const std::string& path);

}  // namespace domed
