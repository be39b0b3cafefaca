#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace domed {

// The states of a job, in the order in which they can follow each other.
enum class State : std::uint8_t { queued, running, succeeded, failed, canceled };

std::string_view state_name(State state);
std::optional<State> parse_state(std::string_view name);
inline bool is_terminal(State state) {
  return state >= State::succeeded;
}

}  // namespace domed
