#include "jobs/clock_trust.h"

#include <algorithm>
#include <cstdlib>

namespace domed {

std::chrono::microseconds ClockTrust::ahead(std::int64_t wall, BootClock::time_point now,
                                            std::optional<std::int64_t> newest) {
  const std::int64_t uptime =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  const std::int64_t offset = wall - uptime;
  if (!trusted_) {
    // A machine without a battery begins behind the newest time, and is put right a little later:
    // what the store has is then believed, not what the clock says meanwhile.
    const bool fits = !newest || (wall >= *newest && wall - *newest <= kQuiet.count());
    trusted_ = fits ? offset : *newest + kQuiet.count() - uptime;
    last_ = offset;
    since_ = now;
  }
  if (std::abs(offset - last_) > kTolerance.count()) since_ = now;
  last_ = offset;  // always: a clock that is corrected slowly never jumps
  if (now - since_ >= kProof) trusted_ = offset;
  const std::int64_t ahead = offset - *trusted_;
  // One that drifts, as it is corrected, is followed at each look.
  if (std::abs(ahead) <= kTolerance.count()) trusted_ = offset;
  return std::chrono::microseconds(ahead > kTolerance.count() ? ahead : 0);
}

}  // namespace domed
