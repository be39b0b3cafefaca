#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "system/boot_clock.h"

namespace domed {

// Whether the wall clock may be believed when it says that something is old.  A clock that was set
// ahead, by a mistake or by a battery, makes everything old at once; who deletes on its word alone
// deletes all.
//
// What was the time before is known from an earlier look and the BootClock, which nobody sets; at
// the first look from the newest time that the store has.  A clock that is ahead of that is
// believed when it has gone on so for a day: until then somebody may notice.  One that is set back
// makes things younger, which costs nothing; when it is put right again that is no jump.
//
// Rejected: to ask somebody else for the time.  There may be nobody, and who sets the clock wrong
// may have been asked too.
//
// Not thread-safe.
class ClockTrust {
 public:
  // What a clock may gain in a moment, by being corrected a little or by a leap second.
  static constexpr std::chrono::microseconds kTolerance = std::chrono::minutes(1);
  // For how long nothing may have happened in a store without its next event being a wonder.
  static constexpr std::chrono::microseconds kQuiet = std::chrono::hours(1);
  static constexpr std::chrono::microseconds kProof = std::chrono::hours(24);

  // Whether there was no look yet, so that look() wants to know the newest time.
  bool is_new() const { return !trusted_; }
  // How far "wall", microseconds since 1970, is ahead of what can be believed at "now"; 0: it can.
  // "newest": of all that is kept; only the first look uses it.
  std::chrono::microseconds ahead(std::int64_t wall, BootClock::time_point now,
                                  std::optional<std::int64_t> newest = {});

 private:
  // The wall clock less the BootClock: what was believed, what it was at the last look, and since
  // when it has been so.
  std::optional<std::int64_t> trusted_;
  std::int64_t last_ = 0;
  BootClock::time_point since_{};
};

}  // namespace domed
