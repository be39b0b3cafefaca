#include "transport/native/piece.h"

#include <algorithm>

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
  const sp::Header header = sp::header(carrier, backtrace.size() + body);
  auto end = std::copy_n(header.bytes.begin(), header.size, head_.begin());
  end = std::copy(backtrace.begin(), backtrace.end(), end);
  head_size_ = static_cast<std::size_t>(end - head_.begin());
}

}  // namespace domed::native
