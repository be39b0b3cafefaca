#include "protocol/sp/framing.h"

#include <algorithm>

namespace domed::sp {
namespace {

constexpr std::string_view kMagic("\0SP\0", 4);
constexpr char kMessage = 1;  // the only type of message that ipc has
constexpr std::size_t kWord = 4, kMostWords = 8;
// Taken ahead for a message: what is longer grows as it comes.
constexpr std::size_t kAhead = 64 << 10;

char byte_of(std::uint64_t number, int at) {
  return static_cast<char>(static_cast<unsigned char>(number >> (8 * at)));
}

std::size_t header_size(Carrier carrier) {
  return carrier == Carrier::ipc ? 9 : 8;
}

}  // namespace

std::string hello(Role role) {
  const auto number = static_cast<std::uint16_t>(role);
  return std::string(kMagic) + byte_of(number, 1) + byte_of(number, 0) + std::string(2, '\0');
}

std::string web_protocol(Role role) {
  const char* name = role == Role::pub   ? "pub"
                     : role == Role::sub ? "sub"
                     : role == Role::req ? "req"
                                         : "rep";
  return std::string(name) + ".sp.nanomsg.org";
}

std::optional<Role> role_of(std::string_view bytes) {
  for (const Role role : {Role::pub, Role::sub, Role::req, Role::rep})
    if (bytes == hello(role)) return role;
  return std::nullopt;
}

Header header(Carrier carrier, std::uint64_t bytes) {
  Header out{{}, header_size(carrier)};
  std::size_t at = 0;
  if (carrier == Carrier::ipc) out.bytes[at++] = kMessage;
  for (int byte = 7; byte >= 0; --byte) out.bytes[at++] = byte_of(bytes, byte);
  return out;
}

// Whether the header of the next message is whole now and can be one.
bool Splitter::take_header(std::string_view& bytes) {
  const std::size_t size = header_size(carrier_);
  const std::size_t part = std::min(size - header_.size(), bytes.size());
  header_.append(bytes.substr(0, part));
  bytes.remove_prefix(part);
  if (carrier_ == Carrier::ipc && !header_.empty() && header_.front() != kMessage)
    fault_ = Fault::no_message;
  if (fault_ != Fault::none || header_.size() < size) return false;
  std::uint64_t length = 0;
  for (const char c : std::string_view(header_).substr(size - 8))
    length = length << 8 | static_cast<unsigned char>(c);
  header_.clear();
  if (length > most_) {
    fault_ = Fault::too_large;
    return false;
  }
  length_ = length;
  begun_ = true;
  message_.reserve(std::min(length_, kAhead));
  return true;
}

Splitter::Fault Splitter::take(std::string_view bytes, std::vector<std::string>& messages) {
  while (fault_ == Fault::none) {
    if (!begun_ && !take_header(bytes)) break;
    const std::size_t part = std::min(length_ - message_.size(), bytes.size());
    message_.append(bytes.substr(0, part));
    bytes.remove_prefix(part);
    if (message_.size() < length_) break;
    messages.push_back(std::move(message_));
    message_ = {};
    begun_ = false;
  }
  return fault_;
}

Backtrace backtrace(std::string_view message) {
  for (std::size_t words = 1;; ++words) {
    if (words > kMostWords) return {Backtrace::Kind::too_long, 0};
    if (message.size() < words * kWord) return {Backtrace::Kind::cut_short, 0};
    if (static_cast<unsigned char>(message[(words - 1) * kWord]) & 0x80)
      return {Backtrace::Kind::good, words * kWord};
  }
}

}  // namespace domed::sp
