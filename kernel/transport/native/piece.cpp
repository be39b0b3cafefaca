#include "transport/native/piece.h"

#include <algorithm>

#include "ws/frames.h"

namespace domed::native {

Piece::Piece(sp::Carrier carrier, std::string_view backtrace, std::string body)
    : own_(std::move(body)) {
  begin(carrier, backtrace, own_.size());
}

Piece::Piece(sp::Carrier carrier, std::shared_ptr<const std::string> body)
    : shared_(std::move(body)) {
  begin(carrier, {}, shared_->size());
}

void Piece::begin(sp::Carrier carrier, std::string_view backtrace, std::size_t body) {
  const std::size_t size = backtrace.size() + body;
  auto end = head_.begin();
  const auto add = [&](std::string_view bytes) {
    end = std::copy(bytes.begin(), bytes.end(), end);
  };
  if (carrier != sp::Carrier::web) {
    add(sp::header(carrier, size).view());
  } else if (size <= ws::kMostFrame) {
    add(ws::header(ws::Kind::binary, size).view());
  } else {
    // Frames larger than that are rare, and a copy of those that are shared does no harm.
    own_ = ws::message(backtrace, this->body());
    shared_.reset();
    return;
  }
  add(backtrace);
  head_size_ = static_cast<std::size_t>(end - head_.begin());
}

}  // namespace domed::native
