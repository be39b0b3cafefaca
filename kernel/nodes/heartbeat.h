#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>

namespace domed {

// Does something every so often on a thread of its own, until it says that it is over.  What it
// throws is told to whoever asks the store; here it is passed over.
class Heartbeat {
 public:
  ~Heartbeat() { stop(); }
  // "beat" returns false: there are no more.
  void start(std::chrono::milliseconds every, std::function<bool()> beat);
  // Waits for the one under way.
  void stop() noexcept;

 private:
  std::jthread thread_;
};

}  // namespace domed
