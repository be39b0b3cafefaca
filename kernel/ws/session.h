#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ws/frames.h"
#include "ws/upgrade.h"

namespace domed::ws {

// A server's side of one WebSocket, on bytes in memory: whoever has the socket feeds it what came,
// and sends what it has to say.  Messages to the peer are not its business: each is a frame of its
// own (frames.h), and what is said here may stand between any two of them.  Not thread-safe.
class Session {
 public:
  enum class State {
    asking,  // the peer has not been answered
    up,
    over,     // the peer has ended it
    refused,  // it never came up
    failed,   // the peer is at fault
  };

  // A message has at most "most" bytes.
  Session(std::shared_ptr<const Offer> offer, std::size_t most)
      : offer_(std::move(offer)), reader_(most) {}

  // Takes what came from the peer, and adds the messages that are whole by now to "messages".
  void receive(std::string_view bytes, std::vector<std::string>& messages);
  // What is to be said now; it is left to the caller.  Of pings that came together the newest alone
  // is answered, so that nobody can have us say more than was heard.
  std::string take_outgoing() { return std::exchange(outgoing_, {}); }

  State state() const { return state_; }
  // The frame to end it with, where it ever was up.
  std::string farewell() const;
  // Why it was refused or failed; for people, of the peer.
  const std::string& fault() const { return fault_; }
  // Bytes that are kept of what is not whole.
  std::size_t held() const { return head_.size() + reader_.held(); }

 private:
  bool take_head(std::string_view& bytes);
  void reply(const Answer& answer);

  const std::shared_ptr<const Offer> offer_;
  State state_ = State::asking;
  std::string head_;  // of the request, as far as it came
  Reader reader_;
  std::string outgoing_, fault_;
};

}  // namespace domed::ws
