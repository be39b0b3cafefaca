#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>

#include "protocol/api_error.h"

namespace domed {

// What is waited out: requests that are refused by what may pass, and sent again.  Says so when
// it has lasted for a second, for whoever waits should know for what; and again from time to time.
// Thread-safe; "tell" is called by the thread that met the trouble, one at a time.
class Trouble {
 public:
  // "error": why the last try failed; null: what was told of is over.
  using Tell = std::function<void(const ApiError* error)>;

  explicit Trouble(Tell tell = nullptr) : tell_(std::move(tell)) {}

  // A try failed, and will be made again.
  void met(const ApiError& error);
  // One succeeded, or failed for good.
  void over();

 private:
  using Clock = std::chrono::steady_clock;

  const Tell tell_;
  std::mutex mutex_;
  std::optional<Clock::time_point> since_, told_;
};

}  // namespace domed
