#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/sp/framing.h"

namespace domed::native {

// A message to be sent: what stands before it on its carrier, a backtrace where there is one, and a
// body that is its own or shared with other connections.
class Piece {
 public:
  Piece(sp::Carrier carrier, std::string_view backtrace, std::string body);
  Piece(sp::Carrier carrier, std::shared_ptr<const std::string> body);
  // What is no message, as it is.
  explicit Piece(std::string bytes) : own_(std::move(bytes)) {}

  std::string_view head() const { return {head_.data(), head_size_}; }
  std::string_view body() const { return shared_ ? *shared_ : own_; }
  std::size_t size() const { return head_size_ + body().size(); }

 private:
  void begin(sp::Carrier carrier, std::string_view backtrace, std::size_t body);

  std::array<char, 10 + 32> head_;
  std::size_t head_size_ = 0;
  std::string own_;
  std::shared_ptr<const std::string> shared_;
};

}  // namespace domed::native
