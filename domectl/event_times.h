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
  std::string whole(const EventLine& event) { return shown(event, 0, std::string::npos); }
  // "12:00:00.000", likewise.
  std::string of_day(const EventLine& event) { return shown(event, 11, 12); }

 private:
  std::string shown(const EventLine& event, std::size_t from, std::size_t count);
  std::int64_t created();

  std::function<std::string()> ask_;
  std::optional<std::int64_t> created_;
};

}  // namespace domed::ctl
