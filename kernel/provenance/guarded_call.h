#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace domed {

// Calls foreign code that may throw anything, or never come back.
//
// A call that is late is left alone on its thread, with what it was given, and
// until it comes back no other is begun: the threads lost to code that hangs are
// at most as many as called it at that moment.  Thread-safe; may be destroyed
// while late calls are under way.
class GuardedCall {
 public:
  // From "stop" on every call is late at once.
  explicit GuardedCall(std::string name, std::stop_token stop = {})
      : name_(std::move(name)), stop_(std::move(stop)) {}

  // What "work" returns within "budget".  "work" owns all that it touches.
  // Throws Error: its own, internal for any other exception, conflict where an
  // earlier call is still late, io where this one is.
  std::string operator()(std::function<std::string()> work, std::chrono::milliseconds budget) const;

 private:
  std::string name_;
  std::stop_token stop_;
  std::shared_ptr<std::atomic<int>> late_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace domed
