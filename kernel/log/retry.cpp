#include "log/retry.h"

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "domed/support/hash.h"
#include "log/request_hash.h"

namespace domed {
namespace {

constexpr double kLongestBackoff = 3600;
constexpr const char* kClient = "domed";

struct Policy {
  std::int64_t max_attempts = 1;
  double backoff_s = 0;
};

Policy policy_of(const JobFixed& job) {
  for (const Json* from : {&job.request, &job.tool}) {
    const Json retry = from->is_object() ? from->value("retry", Json()) : Json();
    if (retry.is_object()) return {retry.value("max_attempts", 1), retry.value("backoff_s", 0.0)};
  }
  return {};
}

std::string key_of(const std::string& job_id) {
  return "retry of " +
         sha256_hex(job_id).substr(0, 32);  // an imported id may be too long for a key
}

}  // namespace

std::string retry_id(const std::string& job_id) {
  return derive_job_id("", kClient, key_of(job_id));
}

bool is_tried_again(const JobHead& head, const JobFixed& job, State to, const std::string& reason) {
  return to == State::failed && reason != "dependency" && !head.external && !head.importing &&
         !head.cancel_requested && policy_of(job).max_attempts > 1;
}

std::int64_t retry_time(const JobFixed& job, std::int64_t ended) {
  return ended + static_cast<std::int64_t>(std::ceil(policy_of(job).backoff_s * 1e6));
}

namespace {

// That of the attempt before, from what it was doubled to.  At the most, where a limit hid it: what
// the two wall times leave of it.
double backoff_before(const JobHead& head, const JobFixed& job, std::int64_t not_before) {
  const double doubled = policy_of(job).backoff_s;
  if (doubled < kLongestBackoff) return doubled / 2;
  const double apart = static_cast<double>(not_before - head.created) / 1e6;
  return std::clamp(apart, kLongestBackoff / 2, kLongestBackoff);
}

}  // namespace

// The time that has passed is told by the wall clock here, for the daemon may be another one than
// that which made the job; set back meanwhile, it would tell less than none.
std::optional<std::chrono::microseconds> backoff_left(const JobHead& head, const JobFixed& job,
                                                      std::int64_t now) {
  const auto not_before = parse_time(job.request.value("not_before", ""));
  const bool is_retry = not_before && job.client_id == kClient &&
                        job.idempotency_key == key_of(job.request.value("retry_of", ""));
  if (!is_retry) return std::nullopt;
  const auto whole =
      static_cast<std::int64_t>(std::ceil(backoff_before(head, job, *not_before) * 1e6));
  const std::int64_t passed = now - head.created;
  return std::chrono::microseconds(std::clamp<std::int64_t>(whole - passed, 0, whole));
}

Submission next_attempt(const JobHead& head, const JobFixed& job) {
  const Policy policy = policy_of(job);
  Submission out;
  JobFixed& next = out.fixed;
  next.job_id = retry_id(job.job_id);
  next.submitter = job.submitter;
  next.accepted_by = job.accepted_by;
  next.name = job.name;
  next.client_id = kClient;
  next.idempotency_key = key_of(job.job_id);
  next.tool = job.tool;
  next.request = job.request;
  for (const char* once : {"hold", "depends_on"}) next.request.erase(once);
  next.request["retry_of"] = job.job_id;
  next.request["not_before"] = format_time(head.retry_at);
  next.request["retry"] = {{"max_attempts", policy.max_attempts - 1},
                           {"backoff_s", std::min(policy.backoff_s * 2, kLongestBackoff)}};
  out.request_hash = request_hash(next.request);
  return out;
}

}  // namespace domed
