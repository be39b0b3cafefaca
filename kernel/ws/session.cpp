#include "ws/session.h"

#include <algorithm>

namespace domed::ws {
namespace {

constexpr std::string_view kEnd = "\r\n\r\n";

}  // namespace

void Session::reply(const Answer& answer) {
  outgoing_ += answer.bytes;
  fault_ = answer.why;
  state_ = answer.accepted ? State::up : State::refused;
  std::string().swap(head_);
}

// Whether the request is answered with yes.  What is behind it stays in "bytes".
bool Session::take_head(std::string_view& bytes) {
  const std::size_t before = head_.size();
  head_.append(bytes.substr(0, kMostHead - before));
  // By the first byte, for what is no HTTP may never come to an end of its lines.
  if (!head_.empty() && (head_.front() < 'A' || head_.front() > 'Z')) {
    reply(refuse_nonsense());
    return false;
  }
  const auto at = head_.find(kEnd, before - std::min(before, kEnd.size() - 1));
  if (at == std::string::npos) {
    if (head_.size() == kMostHead) reply(refuse_long());
    return false;
  }
  const std::size_t size = at + kEnd.size();
  bytes.remove_prefix(size - before);
  reply(answer(std::string_view(head_).substr(0, size), *offer_));
  return state_ == State::up;
}

void Session::receive(std::string_view bytes, std::vector<std::string>& messages) {
  if (state_ == State::asking && !take_head(bytes)) return;
  if (state_ != State::up) return;
  reader_.take(bytes, messages);
  if (const auto ping = reader_.take_ping()) outgoing_ += control(Kind::pong, *ping);
  if (reader_.fault() != Code::none) {
    fault_ = words_of(reader_.fault());
    state_ = State::failed;
  } else if (reader_.closed()) {
    state_ = State::over;
  }
}

std::string Session::farewell() const {
  switch (state_) {
    case State::up:
      return close(Code::leaving);
    case State::over:
      return close(Code::normal);
    case State::failed:
      return close(reader_.fault());
    default:
      return "";
  }
}

}  // namespace domed::ws
