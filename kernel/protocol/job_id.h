#pragma once

#include <string>
#include <string_view>

namespace domed {

// Ids of the kernel's own records in a store, which no method names and no listing shows.
inline bool is_kernels_own(std::string_view job_id) {
  return job_id.starts_with("domed.");
}

// A job id of a request.  Throws ApiError(E_INVALID_REQUEST) for one of the kernel's own.
std::string named_job(std::string job_id);

}  // namespace domed
