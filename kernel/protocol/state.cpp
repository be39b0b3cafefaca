#include "protocol/state.h"

#include <iterator>

namespace domed {
namespace {

constexpr std::string_view kStates[] = {"queued", "running", "succeeded", "failed", "canceled"};

}  // namespace

std::string_view state_name(State state) {
  return kStates[static_cast<std::size_t>(state)];
}

std::optional<State> parse_state(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kStates); ++i)
    if (kStates[i] == name) return static_cast<State>(i);
  return std::nullopt;
}

}  // namespace domed
