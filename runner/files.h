#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace domed {

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
  void reset();

 private:
  int fd_ = -1;
};

// Throws Error(io) naming "what" and errno's text.
[[noreturn]] void throw_errno(const std::string& what);

// The file's bytes; throws Error(io) where it cannot be read.
std::string read_file(const std::string& path);

// As read_file, but "" where it cannot be read.  For /proc, where a file may
// vanish at any moment.
std::string read_if_there(const std::string& path);

// Replaces "path" in one step; mode 0600.
void write_atomically(const std::string& path, std::string_view bytes);

// Writes all of "bytes" at "offset"; false with errno set where that failed.
bool write_fully(int fd, std::string_view bytes, std::size_t offset);

bool exists(const std::string& path);

// The lock on "path", held until the result goes; empty where another process
// holds it.
Fd try_lock(const std::string& path);

}  // namespace domed
