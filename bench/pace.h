#pragma once

#include <chrono>
#include <cstdint>
#include <thread>

namespace domed::bench {

// Keeps a rate: what comes late does not make the next ones later.
class Pace {
 public:
  // "rate" a second; 0: as fast as it goes.
  explicit Pace(double rate)
      : step_(rate > 0 ? std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 / rate))
                       : std::chrono::nanoseconds(0)) {}
  void wait() {
    if (step_.count() == 0) return;
    std::this_thread::sleep_until(next_);
    next_ += step_;
  }

 private:
  std::chrono::nanoseconds step_;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now();
};

}  // namespace domed::bench
