#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace domed::ws {

// What is asked of a request for a WebSocket, by the listener that it comes to.
struct Offer {
  std::string path;      // of its URL; a '/' at the end, or none, is the same
  std::string protocol;  // the one that it speaks, as in Sec-WebSocket-Protocol
  // The values of the header Origin that are let in.  Browsers send one always, for each page its
  // own; who sends none is no web page, and is let in too.
  std::vector<std::string> origins;
  // Whether the header Host, without its port, names us.  A page that a foreign name server has led
  // here names itself.  Null: any does.
  std::function<bool(const std::string& host)> is_ours;
};

// Bytes of a request, all its headers included.
inline constexpr std::size_t kMostHead = 16 << 10;

// What is replied to a request.
struct Answer {
  bool accepted = false;
  std::string bytes;  // to be sent
  std::string why;    // not accepted: for people, of the peer: "it asks for another path"
};
// "head" is the whole request, its empty line included.
Answer answer(std::string_view head, const Offer& offer);
// To what is longer than kMostHead, and to what is none at all.
Answer refuse_long();
Answer refuse_nonsense();

}  // namespace domed::ws
