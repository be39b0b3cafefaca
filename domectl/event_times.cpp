#include "domectl/event_times.h"

#include "base/units.h"

namespace domed::ctl {

// What the daemon sends is shown even where it is no time.
std::string EventTimes::shown(const EventLine& event, std::size_t from, std::size_t count) {
  const std::string time = event.t ? format_time(*event.t) : std::string(event.ts);
  const std::string part = time.size() < 23 ? time : time.substr(from, count);
  return event.t && is_clock_wrong(event, created()) ? part + "[clock]" : part;
}

// 0 where it is not known.
std::int64_t EventTimes::created() {
  if (!created_) created_ = ask_ ? parse_time(ask_()).value_or(0) : 0;
  return *created_;
}

}  // namespace domed::ctl
