#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>

namespace domed::console {

// How often something may be done: "most" times at once, and again so many times over "period".
// Thread-safe.
class Bucket {
 public:
  using Clock = std::chrono::steady_clock;

  Bucket(double most, std::chrono::seconds period)
      : most_(most), a_second_(most / static_cast<double>(period.count())), left_(most) {}

  bool take(Clock::time_point now = Clock::now()) {
    const std::lock_guard lock(mutex_);
    fill(now);
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }
  // Whether nothing can be taken, and whether nothing was for as long as matters.
  bool is_empty(Clock::time_point now = Clock::now()) {
    const std::lock_guard lock(mutex_);
    return fill(now) < 1;
  }
  bool is_full(Clock::time_point now = Clock::now()) {
    const std::lock_guard lock(mutex_);
    return fill(now) >= most_;
  }

 private:
  double fill(Clock::time_point now) {
    const std::chrono::duration<double> passed = now - filled_;
    filled_ = now;
    return left_ = std::min(most_, left_ + passed.count() * a_second_);
  }

  const double most_, a_second_;
  std::mutex mutex_;
  double left_;
  Clock::time_point filled_ = Clock::now();
};

}  // namespace domed::console
