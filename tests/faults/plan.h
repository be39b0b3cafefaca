#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace domed::faults {

enum class Way { request, reply, frame };

// What becomes of one message.
struct Verdict {
  std::vector<std::string> messages;  // that go on in its place
  std::chrono::milliseconds delay{0};  // before they do; those behind it wait too
  bool cut = false;                    // then the connection is ended
};

// The messages of one connection and direction, in order.
using Filter = std::function<Verdict(std::string message)>;
// A filter for each new connection and direction.
using Plan = std::function<Filter(Way way)>;

struct NamedPlan {
  const char* name;
  const char* what;  // it does
  Plan (*make)(std::uint64_t seed);
};

// All plans there are; docs/contract.md names them.
const std::vector<NamedPlan>& plans();
// Throws std::invalid_argument for a name that is none, naming those there are.
Plan plan_of(const std::string& name, std::uint64_t seed);

// What kind of frame an event socket's message is.
bool is_job_frame(const std::string& message);
bool is_heartbeat(const std::string& message);
bool tells_the_end(const std::string& message);  // has the terminal event's line

}  // namespace domed::faults
