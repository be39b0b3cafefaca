#include "wal_image.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "database_file.h"
#include "domed/error.h"

namespace domed {
namespace {

constexpr std::size_t kHeader = 32;
constexpr std::size_t kFrameHeader = 24;
constexpr std::uint32_t kWalMagic = 0x377f0682;  // the last bit: the sums are of big-endian words
constexpr std::uint32_t kMaxPage = 65536;

std::uint32_t big(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | bytes[3];
}
std::uint32_t little(const unsigned char* bytes) {
  return std::uint32_t{bytes[3]} << 24 | std::uint32_t{bytes[2]} << 16 |
         std::uint32_t{bytes[1]} << 8 | bytes[0];
}

class Reader {
 public:
  explicit Reader(const std::string& path)
      : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_.get() < 0 && errno != ENOENT) fail();
  }
  bool is_open() const { return fd_.get() >= 0; }
  // The next "size" bytes; false: there are not that many.
  bool next(unsigned char* into, std::size_t size) {
    while (size > 0) {
      const ssize_t got = ::pread(fd_.get(), into, size, at_);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail();
      if (got == 0) return false;
      into += got, size -= static_cast<std::size_t>(got), at_ += got;
    }
    return true;
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(Code::io, "cannot read " + path_ + ": " + std::strerror(errno) +
                              ": make it readable for this user, and look at the kernel's log");
  }

  const std::string& path_;
  Descriptor fd_;
  off_t at_ = 0;
};

// Goes through the frames behind a header.
class Frames {
 public:
  Frames(const unsigned char* header, WalImage& image)
      : big_endian_((big(header) & 1) != 0),
        page_(big(header + 8)),
        sum_{big(header + 24), big(header + 28)},
        image_(image),
        frame_(kFrameHeader + page_) {}

  void look(Reader& reader) {
    while (reader.next(frame_.data(), frame_.size())) {
      ++count_;
      const bool follows = is_of_run() && sum_of_frame() == stored();
      good_ = good_ && follows;
      const bool commit = big(frame_.data() + 4) != 0;
      if (follows && commit && good_) image_.frames = count_;
      if (follows && commit && !good_) ++image_.commits_behind;
      sum_ = stored();  // behind a bad frame the next is judged by what that one says
    }
  }

 private:
  bool is_of_run() const {
    return image_.run == WalRun{big(frame_.data() + 8), big(frame_.data() + 12)};
  }
  WalSum sum_of_frame() const {
    WalSum sum = sum_;
    sum.add(frame_.data(), 8, big_endian_);
    sum.add(frame_.data() + kFrameHeader, page_, big_endian_);
    return sum;
  }
  WalSum stored() const { return {big(frame_.data() + 16), big(frame_.data() + 20)}; }

  const bool big_endian_;
  const std::size_t page_;
  WalSum sum_;
  WalImage& image_;
  std::vector<unsigned char> frame_;
  std::uint32_t count_ = 0;
  bool good_ = true;
};

bool is_header(const unsigned char* header) {
  const std::uint32_t page = big(header + 8);
  if ((big(header) & ~1u) != kWalMagic || page < 512 || page > kMaxPage || (page & (page - 1)) != 0)
    return false;
  WalSum sum;
  sum.add(header, 24, (big(header) & 1) != 0);
  return sum == WalSum{big(header + 24), big(header + 28)};
}

}  // namespace

void WalSum::add(const unsigned char* bytes, std::size_t size, bool big_endian) {
  for (std::size_t i = 0; i < size; i += 8) {
    a += (big_endian ? big(bytes + i) : little(bytes + i)) + b;
    b += (big_endian ? big(bytes + i + 4) : little(bytes + i + 4)) + a;
  }
}

WalImage look_at_wal(const std::string& path) {
  WalImage image;
  Reader reader(path);
  if (!reader.is_open()) return image;
  unsigned char header[kHeader];
  image.exists = reader.next(header, 1);
  if (!image.exists || !reader.next(header + 1, kHeader - 1) || !is_header(header)) return image;
  image.begun = true;
  image.run = {big(header + 16), big(header + 20)};
  Frames(header, image).look(reader);
  return image;
}

}  // namespace domed
