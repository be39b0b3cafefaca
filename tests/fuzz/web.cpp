// What a WebSocket's client may send: a stream that comes in pieces of any size gives what it gives
// whole; no more is kept, and no more is said, than may be.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "ws/session.h"

namespace domed::ws {
namespace {

constexpr std::size_t kMost = 200;
// With it the corpus need not find one that is let in.
constexpr std::string_view kRequest =
    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: rep.sp.nanomsg.org\r\n\r\n";

void must(bool holds) {
  if (!holds) std::abort();
}

struct Outcome {
  std::vector<std::string> messages;
  Session::State state;
  std::string farewell, fault;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome(std::string_view stream, std::size_t piece) {
  auto offer = std::make_shared<Offer>();
  offer->protocol = "rep.sp.nanomsg.org";
  Session session(offer, kMost);
  Outcome out;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    session.receive(stream.substr(at, piece), out.messages);
    must(session.take_outgoing().size() < 1000);
    must(session.held() <= std::max(kMost, kMostHead));
  }
  for (const auto& message : out.messages) must(message.size() <= kMost);
  out.state = session.state();
  out.farewell = session.farewell();
  out.fault = session.fault();
  return out;
}

void check(std::string_view input) {
  if (input.size() < 2) return;
  std::string stream(input.substr(2));
  if (input[0] & 1) stream.insert(0, kRequest);
  const std::size_t piece = static_cast<std::uint8_t>(input[1]) % 61 + 1;
  must(outcome(stream, piece) == outcome(stream, stream.size() + 1));
}

}  // namespace
}  // namespace domed::ws

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  domed::ws::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
