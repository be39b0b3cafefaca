#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "domed/leases.h"

namespace domed {

// Names that one holder at a time has, for a while; by a clock that goes with the machine's, or
// that stands still until it is turned.  Thread-safe.
class LeaseTable {
 public:
  using Milliseconds = std::chrono::milliseconds;

  bool acquire(std::string_view name, std::string_view holder, Milliseconds ttl,
               std::string_view text);
  bool renew(std::string_view name, std::string_view holder, Milliseconds ttl,
             std::string_view text);
  void release(std::string_view name, std::string_view holder);
  std::vector<Lease> held(std::string_view prefix) const;

  // From now on the clock stands, and turn() alone moves it.
  void stop_clock();
  void turn(Milliseconds time);

 private:
  using Clock = std::chrono::steady_clock;
  struct Row {
    std::string holder, text;
    std::uint64_t renewals = 0;
    Milliseconds ttl{};
    Clock::time_point since;
  };

  Clock::time_point now() const { return stopped_ ? stood_ : Clock::now(); }
  bool is_over(const Row& row) const;
  void begin(Row& row, std::string_view holder, Milliseconds ttl, std::string_view text);

  mutable std::mutex mutex_;
  std::map<std::string, Row, std::less<>> rows_;
  std::uint64_t renewals_ = 0;  // of all, so that no lease has the same number twice
  bool stopped_ = false;
  Clock::time_point stood_;
};

}  // namespace domed
