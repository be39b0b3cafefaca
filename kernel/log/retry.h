#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "log/job_log.h"

namespace domed {

// Trying again.  A request, or its tool, may say
//   "retry": {"max_attempts": N, "backoff_s": S}
// A job is one run with one sealed log, so each further attempt is a job of its own:
// the same request with `retry_of`, one attempt fewer, twice the backoff (at most an
// hour), and `not_before`.  Its id follows from that of the job that failed, so
// that it is made once, whoever makes it, and however often.

// The id of the job that tries "job_id" again.
std::string retry_id(const std::string& job_id);

// Whether a job that becomes "to" for "reason" is tried again: one that failed by
// itself, has attempts left, and that nobody asked to end.
bool is_tried_again(const JobHead& head, const JobFixed& job, State to, const std::string& reason);

// When, for one that ends at "ended"; microseconds since 1970.
std::int64_t retry_time(const JobFixed& job, std::int64_t ended);

// What is left of the backoff of a job that tries another one again, at "now" of the wall clock;
// nullopt for any other job.  Never more than the whole backoff: `not_before` is when it ends if
// nobody sets the wall clock, which may have been ahead when the job before ended.
std::optional<std::chrono::microseconds> backoff_left(const JobHead& head, const JobFixed& job,
                                                      std::int64_t now);

// The next attempt of a job whose head names `retry_at`; ids of its run not yet given.
Submission next_attempt(const JobHead& head, const JobFixed& job);

}  // namespace domed
