#pragma once

#include <string>

#include "log/job_log.h"
#include "protocol/request.h"

namespace domed {

// The job that a SubmitJob request asks for, without its ids and its submitter.  Throws
// ApiError(E_INVALID_REQUEST).
Submission read_job(Params& params);

// Makes "tool", a descriptor of the deployment, the job's.  Throws
// ApiError(E_INVALID_REQUEST) where the job's task does not fit it.
void set_tool(JobFixed& job, Json tool);

// Checks what a request or a record names so; null is well.
void check_command(const Json& command);
void check_labels(const Json& labels);
void check_name(const std::string& name);
void check_limits(const Json& limits);
void check_tty(const Json& tty, bool has_stdin);
// The same of the params that say how the job waits for its turn, and how long it may run.
void check_queueing(Params& params, bool external);
void check_timeout(Params& params);
void check_expires(Params& params, bool external);

}  // namespace domed
