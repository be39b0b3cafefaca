#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Frames of a WebSocket (RFC 6455), as a server reads and writes them:
//   a byte   1 bit: the message ends with this frame; 3 bits of extensions, of which we know none;
//            4 bits: what it is
//   a byte   1 bit: it is masked, as all of a client's are and none of a server's; 7 bits: how long
//            it is, 126: 16 bits follow that say it, 127: 64 bits
//   4 bytes  the mask, where there is one
//   so many bytes
// Numbers are big-endian.  A message is a frame, or several, between which only a ping, a pong or a
// close may stand.
//
// Why not Boost.Beast's: its stream has to own the socket and reads when it likes, and cannot go on
// after its bytes ran out once; what it is made of is nobody's but its own.
namespace domed::ws {

enum class Kind : std::uint8_t { more = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

// Why a connection ends, as the frame that ends it says.
enum class Code : std::uint16_t {
  none = 0,
  normal = 1000,
  leaving = 1001,
  broken = 1002,
  not_binary = 1003,
  too_large = 1009,
};
// For people, of the peer: "it sends frames that are none".
const char* words_of(Code code);

// A longer frame is one that a stock client of nng refuses.
inline constexpr std::size_t kMostFrame = 1 << 20;
// Of a ping, a pong or a close.
inline constexpr std::size_t kMostControl = 125;

// What stands before "bytes" bytes.
struct Header {
  std::array<char, 10> bytes;
  std::size_t size;
  std::string_view view() const { return {bytes.data(), size}; }
};
Header header(Kind kind, std::size_t bytes, bool last = true);
// A ping, pong or close, of at most kMostControl bytes.
std::string control(Kind kind, std::string_view text);
std::string close(Code code);
// A binary message whose parts follow each other, in as many frames as it takes.
std::string message(std::string_view head, std::string_view body);

// Takes what a client sends apart, in pieces of any size.  No memory is taken for bytes that have
// only been announced.  Not thread-safe.
class Reader {
 public:
  // Messages have at most "most" bytes, of however many frames.
  explicit Reader(std::size_t most) : most_(most) {}

  // Adds the messages that are whole by now to "messages", until the peer closes or is at fault:
  // then nothing more is taken.
  void take(std::string_view bytes, std::vector<std::string>& messages);

  // What the peer did that ends the connection; none: nothing.
  Code fault() const { return fault_; }
  bool closed() const { return closed_; }
  // What the newest ping says that has not been asked for yet.
  std::optional<std::string> take_ping();
  // Bytes that are kept of a message that is not whole.
  std::size_t held() const { return message_.size(); }

 private:
  bool take_header(std::string_view& bytes);
  Code objection(std::uint64_t length) const;
  void finish(std::vector<std::string>& messages);
  void finish_control();

  const std::size_t most_;
  Code fault_ = Code::none;
  bool closed_ = false;
  std::string header_;     // of the next frame, as far as it came
  bool in_frame_ = false;  // then the header was whole, and this is its frame:
  Kind kind_ = Kind::more;
  bool last_ = false;
  std::array<char, 4> mask_{};
  std::size_t length_ = 0, taken_ = 0;
  bool in_message_ = false;  // one has begun, and ends with a later frame
  std::size_t frames_ = 0;   // of it
  std::string message_;
  std::string control_;
  std::optional<std::string> ping_;
};

}  // namespace domed::ws
