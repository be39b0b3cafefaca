#include "ws/frames.h"

#include <algorithm>
#include <cstring>

namespace domed::ws {
namespace {

constexpr unsigned kLast = 0x80, kExtensions = 0x70, kKind = 0x0f;  // of the first byte
constexpr unsigned kMasked = 0x80, kLength = 0x7f;                  // of the second
constexpr unsigned kIn16 = 126, kIn64 = 127;
// Of one message.  Empty ones take no memory, and would go on for ever.
constexpr std::size_t kMostFrames = 1 << 16;

bool is_control(Kind kind) {
  return kind >= Kind::close;
}

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

// From the byte "at" of its frame on.  Eight bytes at a time, for a request may have millions.
void unmask(char* bytes, std::size_t size, const std::array<char, 4>& mask, std::size_t at) {
  std::array<char, 8> turned;
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = mask[(at + i) & 3];
  std::uint64_t word = 0, part = 0;
  std::memcpy(&word, turned.data(), sizeof word);
  for (; size >= sizeof part; bytes += sizeof part, size -= sizeof part) {
    std::memcpy(&part, bytes, sizeof part);
    part ^= word;
    std::memcpy(bytes, &part, sizeof part);
  }
  for (std::size_t i = 0; i < size; ++i) bytes[i] ^= turned[i];
}

// Bytes of the whole header that begins with these two.
std::size_t header_size(std::string_view two) {
  const unsigned length = byte_at(two, 1) & kLength;
  return 2 + (length == kIn64 ? 8 : length == kIn16 ? 2 : 0) + 4;
}

}  // namespace

const char* words_of(Code code) {
  switch (code) {
    case Code::broken:
      return "it sends what is no frame of a WebSocket's client";
    case Code::not_binary:
      return "it sends text, where every message is binary";
    case Code::too_large:
      return "it sends a message that is too large";
    default:
      return "it is over";
  }
}

Header header(Kind kind, std::size_t bytes, bool last) {
  Header out{{}, 2};
  out.bytes[0] = static_cast<char>(static_cast<unsigned>(kind) | (last ? kLast : 0));
  const std::size_t more = bytes < kIn16 ? 0 : bytes <= 0xffff ? 2 : 8;
  out.bytes[1] = static_cast<char>(more == 0 ? bytes : more == 2 ? kIn16 : kIn64);
  for (std::size_t i = more; i > 0; --i)
    out.bytes[out.size++] =
        static_cast<char>(static_cast<std::uint64_t>(bytes) >> (8 * (i - 1)) & 0xff);
  return out;
}

std::string control(Kind kind, std::string_view text) {
  text = text.substr(0, kMostControl);
  return std::string(header(kind, text.size()).view()).append(text);
}

std::string close(Code code) {
  const auto number = static_cast<std::uint16_t>(code);
  const char text[] = {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
  return control(Kind::close, {text, code == Code::none ? 0 : sizeof text});
}

std::string message(std::string_view head, std::string_view body) {
  const std::size_t size = head.size() + body.size();
  std::string out;
  out.reserve(size + (size / kMostFrame + 1) * Header{}.bytes.size());
  for (std::size_t at = 0; at == 0 || at < size;) {
    const std::size_t part = std::min(kMostFrame, size - at);
    out.append(header(at == 0 ? Kind::binary : Kind::more, part, at + part == size).view());
    const std::size_t of_head = std::min(part, head.size());
    out.append(head.substr(0, of_head));
    head.remove_prefix(of_head);
    out.append(body.substr(0, part - of_head));
    body.remove_prefix(part - of_head);
    at += std::max<std::size_t>(part, 1);
  }
  return out;
}

std::optional<std::string> Reader::take_ping() {
  auto out = std::move(ping_);
  ping_.reset();
  return out;
}

// Before the length is believed.
Code Reader::objection(std::uint64_t length) const {
  const unsigned second = byte_at(header_, 1) & kLength;
  // A length that is told in more bytes than it takes.
  if ((second == kIn16 && length < kIn16) || (second == kIn64 && length <= 0xffff))
    return Code::broken;
  switch (kind_) {
    case Kind::close:
    case Kind::ping:
    case Kind::pong:
      return last_ && length <= kMostControl ? Code::none : Code::broken;
    case Kind::more:
    case Kind::binary:
      if ((kind_ == Kind::more) != in_message_ || frames_ >= kMostFrames) return Code::broken;
      return length > most_ - message_.size() ? Code::too_large : Code::none;
    case Kind::text:
      return Code::not_binary;
  }
  return Code::broken;
}

// Whether the header of the next frame is whole now and can be one.
bool Reader::take_header(std::string_view& bytes) {
  const auto fill = [&](std::size_t size) {
    const std::size_t part = std::min(size - header_.size(), bytes.size());
    header_.append(bytes.substr(0, part));
    bytes.remove_prefix(part);
    return header_.size() == size;
  };
  if (header_.size() < 2) {
    if (!fill(2)) return false;
    // At once: without a mask it may never get as long as it would have to be.
    if ((byte_at(header_, 0) & kExtensions) != 0 || (byte_at(header_, 1) & kMasked) == 0)
      fault_ = Code::broken;
  }
  if (fault_ != Code::none) return false;
  const std::size_t size = header_size(header_);
  if (!fill(size)) return false;
  std::uint64_t length = byte_at(header_, 1) & kLength;
  if (size > 6) length = 0;
  for (std::size_t at = 2; at < size - 4; ++at) length = length << 8 | byte_at(header_, at);
  kind_ = static_cast<Kind>(byte_at(header_, 0) & kKind);
  last_ = (byte_at(header_, 0) & kLast) != 0;
  fault_ = objection(length);
  if (fault_ != Code::none) return false;
  header_.copy(mask_.data(), mask_.size(), size - mask_.size());
  header_.clear();
  length_ = static_cast<std::size_t>(length);
  taken_ = 0;
  in_frame_ = true;
  if (!is_control(kind_)) {
    frames_ = in_message_ ? frames_ + 1 : 1;
    in_message_ = true;
  }
  return true;
}

void Reader::take(std::string_view bytes, std::vector<std::string>& messages) {
  while (fault_ == Code::none && !closed_) {
    if (!in_frame_ && !take_header(bytes)) break;
    std::string& into = is_control(kind_) ? control_ : message_;
    const std::size_t part = std::min(length_ - taken_, bytes.size());
    into.append(bytes.substr(0, part));
    unmask(into.data() + into.size() - part, part, mask_, taken_);
    taken_ += part;
    bytes.remove_prefix(part);
    if (taken_ < length_) break;
    in_frame_ = false;
    if (is_control(kind_))
      finish_control();
    else if (last_)
      finish(messages);
  }
}

void Reader::finish(std::vector<std::string>& messages) {
  in_message_ = false;
  messages.push_back(std::move(message_));
  message_ = {};
}

void Reader::finish_control() {
  if (kind_ == Kind::close) {
    closed_ = true;
    if (control_.size() == 1) fault_ = Code::broken;
  }
  if (kind_ == Kind::ping) ping_ = control_;
  control_.clear();
}

}  // namespace domed::ws
