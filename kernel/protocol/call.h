#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <string_view>

#include "protocol/api_error.h"

namespace domed {

// One request under way: its params and the way back.  Answered exactly once.
struct Call {
  std::string id = "null", params = "{}";
  std::uint32_t pipe = 0;
  std::function<void(std::string)> reply;

  void result(std::string_view json) const;
  void error(const ApiError& e) const;
  void error(std::exception_ptr e) const;
};

}  // namespace domed
