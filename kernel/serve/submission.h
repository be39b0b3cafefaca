#pragma once

#include <string>

#include "log/job.h"
#include "serve/request.h"

namespace domed {

// The job that a SubmitJob request asks for, ids of its run not yet given.
// "request_hash" becomes what tells a repeated request from another.  Throws
// ApiError(E_INVALID_REQUEST).
JobFixed read_job(Params& params, std::string& request_hash);

// The record that begins an export, for job "job_id".  Returns its log_id.
std::string read_import_record(const Json& record, const std::string& job_id, JobFixed& fixed);

}  // namespace domed
