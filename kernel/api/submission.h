#pragma once

#include <string>

#include "log/job.h"
#include "protocol/request.h"

namespace domed {

// The job that a SubmitJob request asks for, ids of its run not yet given.
// "request_hash" becomes what tells a repeated request from another.  Throws
// ApiError(E_INVALID_REQUEST).
JobFixed read_job(Params& params, std::string& request_hash);

// Makes "tool", a descriptor of the deployment, the job's.  Throws
// ApiError(E_INVALID_REQUEST) where the job's task does not fit it.
void set_tool(JobFixed& job, Json tool);

// Checks what a request or a record names so; null is well.
void check_command(const Json& command);
void check_labels(const Json& labels);

}  // namespace domed
