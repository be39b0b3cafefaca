#include "log/retry.h"

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "domed/support/hash.h"

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
  return derive_job_id(kClient, key_of(job_id));
}

bool is_tried_again(const JobHead& head, const JobFixed& job, State to, const std::string& reason) {
  return to == State::failed && reason != "dependency" && !head.external && !head.importing &&
         !head.cancel_requested && policy_of(job).max_attempts > 1;
}

std::int64_t retry_time(const JobFixed& job, std::int64_t ended) {
  return ended + static_cast<std::int64_t>(std::ceil(policy_of(job).backoff_s * 1e6));
}

Submission next_attempt(const JobHead& head, const JobFixed& job) {
  const Policy policy = policy_of(job);
  Submission out;
  JobFixed& next = out.fixed;
  next.job_id = retry_id(job.job_id);
  next.client_id = kClient;
  next.idempotency_key = key_of(job.job_id);
  next.tool = job.tool;
  next.request = job.request;
  for (const char* once : {"hold", "depends_on"}) next.request.erase(once);
  next.request["retry_of"] = job.job_id;
  next.request["not_before"] = format_time(head.retry_at);
  next.request["retry"] = {{"max_attempts", policy.max_attempts - 1},
                           {"backoff_s", std::min(policy.backoff_s * 2, kLongestBackoff)}};
  out.request_hash = sha256_hex(canonical_json(next.request));
  return out;
}

}  // namespace domed
