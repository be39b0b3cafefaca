// SP framing: a stream that comes in pieces of any size gives the messages of a reading that has
// it whole; greetings and backtraces are told as a second, simple reading tells them.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "protocol/sp/framing.h"

namespace domed::sp {
namespace {

using Messages = std::vector<std::string>;

void must(bool holds) {
  if (!holds) std::abort();
}

// The whole stream at once, as its description says.
Splitter::Fault split_whole(std::string_view bytes, Carrier carrier, std::size_t most,
                            Messages& messages) {
  const std::size_t type = carrier == Carrier::ipc ? 1 : 0;
  while (!bytes.empty()) {
    if (type == 1 && bytes[0] != 1) return Splitter::Fault::no_message;
    if (bytes.size() < type + 8) break;
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < 8; ++i)
      length = length << 8 | static_cast<std::uint8_t>(bytes[type + i]);
    if (length > most) return Splitter::Fault::too_large;
    bytes.remove_prefix(type + 8);
    if (bytes.size() < length) break;
    messages.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  return Splitter::Fault::none;
}

void check_backtrace(std::string_view message) {
  const Backtrace found = backtrace(message);
  std::size_t words = 0;
  while (words < 8 && message.size() >= 4 * (words + 1)) {
    if (static_cast<std::uint8_t>(message[4 * words++]) < 0x80) continue;
    must(found.kind == Backtrace::Kind::good && found.bytes == 4 * words);
    return;
  }
  must(found.kind == (words == 8 ? Backtrace::Kind::too_long : Backtrace::Kind::cut_short));
}

// What is sent is what is taken.
void check_header(Carrier carrier, std::string_view body) {
  Splitter splitter(carrier, body.size());
  Messages out;
  must(splitter.take(header(carrier, body.size()).view(), out) == Splitter::Fault::none);
  must(splitter.take(body, out) == Splitter::Fault::none);
  must(out == Messages{std::string(body)} && !splitter.midway());
}

void check(std::string_view input) {
  if (input.size() < 3) return;
  const Carrier carrier = input[0] & 1 ? Carrier::ipc : Carrier::stream;
  const std::size_t most = static_cast<std::uint8_t>(input[1]) * std::size_t{17};
  std::size_t piece = static_cast<std::uint8_t>(input[2]);
  const std::string_view stream = input.substr(3);

  Messages whole, pieces;
  const auto fault = split_whole(stream, carrier, most, whole);
  Splitter splitter(carrier, most);
  auto told = Splitter::Fault::none;
  for (std::size_t at = 0; at < stream.size();) {
    piece = piece * 7 % 61 + 1;
    told = splitter.take(stream.substr(at, piece), pieces);
    at += piece;
  }
  must(told == fault);
  must(whole == pieces);
  for (const auto& message : whole) check_backtrace(message);
  check_backtrace(stream);
  check_header(carrier, stream);
  const auto role = role_of(stream.substr(0, kHelloBytes));
  must(!role || hello(*role) == stream.substr(0, kHelloBytes));
}

}  // namespace
}  // namespace domed::sp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  domed::sp::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
