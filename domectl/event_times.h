#pragma once

#include <functional>
#include <optional>
#include <string>

#include "client/event_line.h"

namespace domed::ctl {

// The times of one job's events as people are shown them: when each happened, not when the daemon
// heard of it.  A producer whose clock cannot be right is marked.
class EventTimes {
 public:
  // "created" gives the job's `created_at`, "" where that cannot be had.  It is asked at most once,
  // and only where an event has a time of its producer's.
  explicit EventTimes(std::function<std::string()> created = {}) : ask_(std::move(created)) {}

  // "2026-01-31T12:00:00.000001Z", with "[clock]" behind it where the producer's clock was wrong.
  std::string whole(const EventLine& event);
  // "12:00:00.000" in the local time zone, likewise.
  std::string of_day(const EventLine& event);

 private:
  std::string marked(const EventLine& event, std::string time);
  std::int64_t created();

  std::function<std::string()> ask_;
  std::optional<std::int64_t> created_;
};

}  // namespace domed::ctl
