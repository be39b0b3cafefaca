#include "domectl/event_times.h"

#include "base/units.h"
#include "domectl/when.h"

namespace domed::ctl {

std::string EventTimes::whole(const EventLine& event) {
  return marked(event, event.t ? format_time(*event.t) : std::string(event.ts));
}

// What the daemon sends is shown even where it is no time.
std::string EventTimes::of_day(const EventLine& event) {
  const auto time = event.t ? event.t : parse_time(event.ts);
  return marked(event, time ? local_clock(*time) : std::string(event.ts));
}

std::string EventTimes::marked(const EventLine& event, std::string time) {
  return event.t && is_clock_wrong(event, created()) ? time + "[clock]" : time;
}

// 0 where it is not known.
std::int64_t EventTimes::created() {
  if (!created_) created_ = ask_ ? parse_time(ask_()).value_or(0) : 0;
  return *created_;
}

}  // namespace domed::ctl
