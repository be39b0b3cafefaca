#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "domed/error.h"

// The engine of the template.  What the store asks of it, and of whatever stands here later:
// append() returns when a record is where a loss of power leaves it, or throws, and nothing of it
// is found later; records() gives back all of them, in their order; name() is the same as long as
// none is lost, for it becomes the store's incarnation.
namespace journal {

using domed::Code;
using domed::Error;

// Numbers and texts, one after the other, as bytes.
class Writer {
 public:
  // The same bytes on every machine: a file can be carried to another one.
  void number(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) bytes_ += static_cast<char>(value >> (8 * i));
  }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool at_end() const { return bytes_.empty(); }
  std::uint64_t number() {
    std::uint64_t value = 0;
    const std::string_view taken = take(8);
    for (int i = 0; i < 8; ++i)
      value |= std::uint64_t{static_cast<unsigned char>(taken[static_cast<std::size_t>(i)])}
               << (8 * i);
    return value;
  }
  std::string_view text() { return take(number()); }

 private:
  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size()) throw Error(Code::corruption, "a journal record ends too early");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::string_view bytes_;
};

inline std::uint64_t checksum(std::string_view bytes, std::uint64_t seed) {  // FNV-1a
  std::uint64_t hash = 0xcbf29ce484222325u ^ seed;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

inline std::string random_hex() {
  std::random_device random;
  std::string text;
  for (int i = 0; i < 32; ++i) text += "0123456789abcdef"[random() & 15];
  return text;
}

// An append-only file: a magic line, a name that it has for life, and records: size, checksum,
// bytes.  Each record is on the disk before the next one is written, so a bad one at the end
// was cut off by a crash and is cut away: nobody was told that it was there.  One with a
// whole record behind it is damage.  So that the last one has such a witness too, an empty
// record is written at a clean end.
//
// What it does not notice: damage to the last record after a crash, and that an old copy of
// the file was put in its place.
class Journal {
 public:
  explicit Journal(std::string path) : path_(std::move(path)) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) fail("cannot open it");
    try {
      begin();
    } catch (...) {
      ::close(fd_);
      throw;
    }
  }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal() {
    if (wants_end_ && write(framed(""))) ::fdatasync(fd_);
    ::close(fd_);
  }

  const std::string& name() const { return name_; }

  // The whole records, oldest first.  Before the first append().
  std::vector<std::string> records() {
    std::vector<std::string> records;
    while (auto record = next()) records.push_back(std::move(*record));
    if (has_record_behind())
      throw Error(Code::corruption, path_ + ": the record at byte " + std::to_string(size_) +
                                        " is damaged: put back a copy of the file");
    if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) fail("cannot cut off its torn end");
    wants_end_ = records.empty() || !records.back().empty();
    return records;
  }

  // On return "record" is on the disk.  Throws when nothing of it is.
  void append(const std::string& record) {
    const std::string bytes = framed(record);
    wants_end_ = true;
    // fdatasync() leaves out the times, but not the new size, without which nothing is found again.
    if (write(bytes) && ::fdatasync(fd_) == 0) {
      size_ += bytes.size();
    } else {
      // The caller is told that the record is not there. So the next start must not find a half
      // that was written, or a whole one of which only the sync failed.
      const int reason = errno;
      if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) fail("cannot cut off what failed");
      errno = reason;
      fail("cannot write to it");
    }
    check_in_place();
  }

 private:
  static constexpr std::string_view kMagic = "domed store-template 2\n";
  static constexpr std::size_t kName = 32;
  static constexpr std::size_t kStart = kMagic.size() + kName + 8;
  static constexpr std::size_t kHeader = 16;  // of a record

  // Only one process may use the file, and it must be ours: a foreign file would
  // look like one long torn record.
  void begin() {
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0)
      throw Error(Code::conflict,
                  path_ + ": another process uses it: stop that, or choose another path");
    std::string found(std::min<std::uint64_t>(file_size(), kStart), '\0');
    read(found.data(), found.size(), 0);
    if (!kMagic.starts_with(std::string_view(found.c_str()).substr(0, kMagic.size())))
      throw Error(Code::corruption,
                  path_ + ": it is no journal of this store: choose another path");
    name_ = found.size() == kStart ? found.substr(kMagic.size(), kName) : "";
    // A beginning that is not whole, with nothing behind it, was being written when the machine
    // went down. Nothing had been acknowledged: it is begun anew, under another name.
    const bool whole = found == start();
    if (!whole && file_size() > kStart)
      throw Error(Code::corruption,
                  path_ + ": its beginning is damaged: put back a copy of the file");
    if (!whole) name_ = random_hex();
    if (!whole && (!write(start()) || ::fsync(fd_) != 0 || !sync_directory()))
      fail("cannot write to it");
    size_ = kStart;
  }

  // What the file begins with.
  std::string start() const {
    Writer sum;
    sum.number(checksum(name_, 0));
    return std::string(kMagic) + name_ + sum.bytes();
  }

  // Name and place count, so that nothing inside of a record passes for one.
  std::uint64_t sum_of(std::string_view record, std::uint64_t at) const {
    return checksum(record, checksum(name_, at));
  }

  std::string framed(std::string_view record) const {
    Writer header;
    header.number(record.size());
    header.number(sum_of(record, size_));
    return header.bytes() + std::string(record);
  }

  bool has_record_behind() const {
    std::string rest(file_size() - size_, '\0');
    if (!read(rest.data(), rest.size(), size_)) return false;
    // At every byte, for where a record is damaged its size does not say where the next one begins.
    for (std::size_t at = 1; at + kHeader <= rest.size(); ++at) {
      Reader header(std::string_view(rest).substr(at, kHeader));
      const std::uint64_t size = header.number();
      const std::string_view record = std::string_view(rest).substr(at + kHeader);
      if (size <= record.size() && sum_of(record.substr(0, size), size_ + at) == header.number())
        return true;
    }
    return false;
  }

  // A new name survives loss of power only when its directory was synced.
  bool sync_directory() const {
    const std::string directory = path_.substr(0, path_.rfind('/') + 1);
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && ::fsync(fd) == 0;
    if (fd >= 0) ::close(fd);
    return synced;
  }

  [[noreturn]] void fail(const std::string& what) const {
    const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    throw Error(
        full ? Code::exhausted : Code::io,
        path_ + ": " + what + ": " + std::strerror(errno) +
            (full ? ": make room, it then goes on by itself" : ": look at the file system"));
  }

  bool write(std::string_view bytes) {
    off_t at = static_cast<off_t>(size_);
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), at);
      if (written < 0 && errno != EINTR) return false;
      if (written < 0) continue;
      bytes.remove_prefix(static_cast<std::size_t>(written));
      at += written;
    }
    return true;
  }

  // What went into a file without a name is lost.
  void check_in_place() const {
    struct stat status {};
    if (::fstat(fd_, &status) == 0 && status.st_nlink > 0) return;
    throw Error(Code::io, path_ + ": it was removed while domed uses it: restart domed");
  }

  bool read(char* to, std::size_t size, std::uint64_t at) const {
    while (size > 0) {
      const ssize_t got = ::pread(fd_, to, size, static_cast<off_t>(at));
      if (got < 0 && errno != EINTR) fail("cannot read it");
      if (got == 0) return false;
      if (got < 0) continue;
      to += got, at += static_cast<std::uint64_t>(got), size -= static_cast<std::size_t>(got);
    }
    return true;
  }

  std::uint64_t file_size() const {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) fail("cannot look at it");
    return static_cast<std::uint64_t>(status.st_size);
  }

  std::optional<std::string> next() {
    char header[kHeader];
    if (!read(header, sizeof header, size_)) return std::nullopt;
    Reader reader({header, sizeof header});
    const std::uint64_t size = reader.number();
    const std::uint64_t sum = reader.number();
    // Before memory is asked for: of a torn header the size may be anything.
    if (size > file_size()) return std::nullopt;
    std::string record(size, '\0');
    if (!read(record.data(), size, size_ + sizeof header)) return std::nullopt;
    if (sum_of(record, size_) != sum) return std::nullopt;
    size_ += sizeof header + size;
    return record;
  }

  std::string path_, name_;
  int fd_ = -1;
  bool wants_end_ = false;  // what cannot be read is left as it is
  std::uint64_t size_ = 0;
};

}  // namespace journal
