#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// SP, the wire protocol of nng, on a stream of bytes.  Each side says hello at once, then messages:
//   hello    00 'S' 'P' 00, the role as 16 bits, 00 00
//   message  over ipc a byte 01; the length as 64 bits; so many bytes
// Numbers are big-endian.  A request and its reply begin with a backtrace: words of four bytes, the
// way back through the devices that the request came by, the last of which, the request's id, has
// its highest bit set.  Whoever replies repeats it as it came.
//
// A WebSocket (kernel/ws/) knows where a message ends, and has been asked for by a role's name:
// there is neither a hello nor a header.
namespace domed::sp {

enum class Role : std::uint16_t { pub = 0x20, sub = 0x21, req = 0x30, rep = 0x31 };
// What carries the bytes: a Unix socket, a WebSocket, or anything else.
enum class Carrier { ipc, stream, web };

inline constexpr std::size_t kHelloBytes = 8;
std::string hello(Role role);
// What a WebSocket to a listener that has "role" is asked for as its protocol:
// "rep.sp.nanomsg.org".
std::string web_protocol(Role role);
// The role that the eight bytes "hello" tell; nullopt: they are no hello, or of a role that is none
// of those above.
std::optional<Role> role_of(std::string_view hello);

// What stands before a message of "bytes" bytes, but in a WebSocket.
struct Header {
  std::array<char, 9> bytes;
  std::size_t size;
  std::string_view view() const { return {bytes.data(), size}; }
};
Header header(Carrier carrier, std::uint64_t bytes);

// Takes a stream apart that comes in pieces of any size.  No memory is taken for bytes that have
// only been announced.  Not thread-safe.
class Splitter {
 public:
  enum class Fault { none, no_message, too_large };

  // Messages have at most "most" bytes.
  Splitter(Carrier carrier, std::size_t most) : carrier_(carrier), most_(most) {}

  // Adds the messages that are whole by now to "messages".  What is no message, or a larger one
  // than may be, ends the stream: the same is said ever after.
  Fault take(std::string_view bytes, std::vector<std::string>& messages);
  // Whether a message has begun and is not whole.
  bool midway() const { return !header_.empty() || begun_; }

 private:
  bool take_header(std::string_view& bytes);

  const Carrier carrier_;
  const std::size_t most_;
  Fault fault_ = Fault::none;
  std::string header_;  // of the next message, as far as it came
  bool begun_ = false;  // then the header was whole, and this is its message:
  std::size_t length_ = 0;
  std::string message_;
};

// How much of "message" is its backtrace.
struct Backtrace {
  enum class Kind { good, cut_short, too_long } kind;
  std::size_t bytes;  // of a good one
};
// As nng takes them: more than eight words are "too_long" (a loop of devices; such a message is
// dropped without a word), and "cut_short" is no message of a device or a REQ at all.
Backtrace backtrace(std::string_view message);

}  // namespace domed::sp
